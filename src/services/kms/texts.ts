/** What events of keys and secrets say; each code is the type of its event. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** All of them, by code. */
export const kmsTexts = {
  "kms.keyCreated": ["keyCreated {id}", "已创建密钥 {id}"],
  "kms.keyEnabled": ["keyEnabled {id}", "已启用密钥 {id}"],
  "kms.keyDisabled": ["keyDisabled {id}", "已停用密钥 {id}"],
  "kms.keyDeletionScheduled": ["keyDeletionScheduled {id}", "密钥 {id} 已计划删除"],
  "kms.keyDeletionCanceled": ["keyDeletionCanceled {id}", "已取消删除密钥 {id}"],
  "kms.keyDeleted": ["keyDeleted {id}", "密钥 {id} 已删除"],
  "kms.keyRotated": ["keyRotated {id}", "密钥 {id} 已轮换"],
  "kms.keyReplicated": ["keyReplicated {id}", "密钥 {id} 已复制"],
  "kms.keyVersionDestroyed": ["keyVersionDestroyed {id}", "密钥 {id} 的一个版本已销毁"],
  "kms.keyMaterialImported": ["keyMaterialImported {id}", "已为密钥 {id} 导入密钥材料"],
  "kms.keyMaterialDeleted": ["keyMaterialDeleted {id}", "密钥 {id} 的密钥材料已删除"],
  "kms.keyPolicyChanged": ["keyPolicyChanged {id}", "密钥 {id} 的策略已更改"],
  "kms.aliasCreated": ["aliasCreated {id}", "已为密钥 {id} 创建别名"],
  "kms.aliasMoved": ["aliasMoved {id}", "别名已改为指向密钥 {id}"],
  "kms.grantCreated": ["grantCreated {id}", "已为密钥 {id} 创建授权"],
  "kms.grantRevoked": ["grantRevoked {id}", "密钥 {id} 的授权已撤销"],
  "kms.grantRetired": ["grantRetired {id}", "密钥 {id} 的授权已停用"],
  "kms.secretCreated": ["secretCreated {id}", "已创建凭据 {id}"],
  "kms.secretRotated": ["secretRotated {id}", "凭据 {id} 已轮换"],
  "kms.secretRotationDue": ["secretRotationDue {id}", "凭据 {id} 需要轮换"],
  "kms.secretDeletionScheduled": ["secretDeletionScheduled {id}", "凭据 {id} 已计划删除"],
  "kms.secretDeleted": ["secretDeleted {id}", "凭据 {id} 已删除"],
} as const satisfies Texts;
export type KmsEvent = keyof typeof kmsTexts;
export const tell = tellerOf(kmsTexts);
