/** Words of rule sets. Part of the WAF's words. */
import type { ServiceWords } from "../words.ts";

export const wafRuleSets: ServiceWords = {
  resource: { ruleSet: ["Rule sets", "规则集"] },
  about: {
    ruleSet: [
      "The rules that sites follow: the installed Core Rule Set, and those imported from a release archive. Nothing changes until a site follows one.",
      "站点所遵循的规则：已安装的核心规则集，以及从发布包导入的规则集。站点改用之前不会有任何变化。",
    ],
  },
  hint: {
    archive: [
      "A .tar.gz of at most 16 MiB: a release of the Core Rule Set, or a folder of SecLang",
      "不超过 16 MiB 的 .tar.gz：核心规则集的发布包，或 SecLang 文件夹",
    ],
    ruleSetId: [
      "rset-0000000000 is the installed one; the list of rule sets names the others",
      "rset-0000000000 为已安装的规则集；其他的见规则集列表",
    ],
  },
  field: {
    archive: ["Archive (.tar.gz)", "压缩包（.tar.gz）"],
    ruleSetId: ["Rule set", "规则集"],
    previousRuleSetId: ["Rule set before", "之前的规则集"],
    siteIds: ["Followed by", "使用的站点"],
    rules: ["Rules", "规则数"],
    files: ["Files", "文件数"],
    sha256: ["SHA-256", "SHA-256"],
    origin: ["Where it is from", "来源"],
  },
  value: {},
  operation: {
    listRuleSets: "列出规则集",
    importRuleSet: "导入规则集",
    rollBackRuleSet: "回退规则集",
    deleteRuleSet: "删除规则集",
  },
  problem: {
    ruleSetNotFound: ["没有这个规则集", "请列出规则集，并使用其中的编号"],
    ruleSetInvalid: ["此压缩包无法作为规则集使用", "请修正详情指出的文件和行；没有任何改动"],
    ruleSetExists: ["内容完全相同的规则集已存在", "请列出规则集，并让站点使用它"],
    ruleSetLimit: ["导入的规则集数已达上限", "请删除没有站点使用的规则集"],
    ruleSetInUse: ["有站点正在使用此规则集", "请先让使用它的每个站点改用其他规则集"],
    noPreviousRuleSet: ["此站点之前没有使用过其他规则集", "请修改站点的 ruleSetId 来选择一个"],
  },
};
