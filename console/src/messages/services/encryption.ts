import type { ServiceWords } from "../words.ts";

export const encryption: ServiceWords = {
  resource: { tokenProfile: ["Token profiles", "令牌配置"] },
  about: {
    tokenProfile: [
      "A token profile says which values are replaced by tokens, how the tokens look, and how many a minute may be opened.",
      "令牌配置说明哪些值由令牌代替、令牌的样式，以及每分钟可还原多少个。",
    ],
  },
  field: {
    tokenProfileId: ["Token profile", "令牌配置"],
    items: ["Results", "结果"],
    format: ["Look of the tokens", "令牌样式"],
    checksum: ["Check digit of the tokens", "令牌校验位"],
    keepLast: ["Digits kept at the end", "保留末尾位数"],
    keepFirst: ["Characters kept at the beginning", "保留开头位数"],
    ttlSeconds: ["Tokens end after (seconds)", "令牌有效期（秒）"],
    tokenizePerMinute: ["Values a minute into tokens", "每分钟可令牌化的值"],
    detokenizePerMinute: ["Tokens a minute into values", "每分钟可还原的令牌"],
    purpose: ["Purpose, for the audit log", "用途（写入审计日志）"],
    values: ["Values", "值"],
    tokens: ["Tokens", "令牌"],
    masked: ["Masked", "掩码结果"],
    deletedCount: ["Tokens deleted", "已删除的令牌数"],
  },
  hint: {
    checksum: [
      "Of cards and ID cards in the same format. Invalid: no token can be taken for a real number.",
      "适用于同样式的银行卡和身份证。无效：令牌不会被当成真实号码。",
    ],
  },
  value: {
    card: ["Card number", "银行卡号"],
    phone: ["Phone number", "电话号码"],
    idCard: ["ID card number", "身份证号"],
    text: ["Text", "文本"],
    random: ["Another token each time", "每次不同"],
    deterministic: ["One token for one value", "同值同令牌"],
    sameFormat: ["Same format", "同样式"],
    opaque: ["Opaque", "不透明"],
    invalid: ["Invalid", "无效"],
  },
  operation: {
    listTokenProfiles: "列出令牌配置",
    getTokenProfile: "查看令牌配置",
    createTokenProfile: "创建令牌配置",
    updateTokenProfile: "修改令牌配置",
    deleteTokenProfile: "删除令牌配置及其全部令牌",
    tokenize: "将值换成令牌",
    detokenize: "将令牌还原为值",
    maskTokens: "查看令牌对应的掩码值",
    deleteTokens: "删除令牌及其值",
    mask: "对值做不可逆掩码",
  },
  problem: {
    tokenProfileNotFound: [
      "没有这个令牌配置",
      "列出令牌配置：./cordon encryption list-token-profiles",
    ],
    tokenProfileDisabled: ["令牌配置已停用", "请启用它，或使用另一个"],
    tokenProfileEnabled: ["令牌配置正在使用", "请先停用，并确认没有人需要它"],
    profileNameTaken: ["已有同名的令牌配置", "请换一个名称"],
    profileUnfit: ["这些设置互不相容", "请按详情修正；docs/encryption.md 说明各类型可用的设置"],
    valueUnfit: ["有值不属于配置的类型；未生成任何令牌", "详情说明是哪一个及原因；不会重复值本身"],
    tokensUsedUp: ["此样式下找不到空闲的令牌", "请少保留几位，或改用不透明令牌的配置"],
    tooManyValues: ["一分钟内此配置的值已达上限", "请等一分钟，或请人提高配置的上限"],
    limitReached: ["账户的令牌配置已达上限", "请删除不再使用的配置"],
    vaultDamaged: [
      "封存的值打不开：行被改动，或密钥不同",
      "请从同一备份恢复数据库和密钥；原因见 ./cordon logs server",
    ],
    keysUnavailable: [
      "保管密钥的进程没有响应，或处于封存状态",
      "./cordon status 显示其状态；./cordon keys unseal 解封根密钥",
    ],
  },
};
