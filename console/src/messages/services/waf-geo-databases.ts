/** Words of databases of countries and networks. Part of the WAF's words. */
import type { ServiceWords } from "../words.ts";

export const wafGeoDatabases: ServiceWords = {
  resource: { geoDatabase: ["Countries and networks", "国家与网络库"] },
  about: {
    geoDatabase: [
      "Which country and network an address is of, for site policies and custom rules. Import a database in MaxMind's format of each kind: DB-IP Lite (Country, ASN) and GeoLite2 (Country, ASN) are free after their vendors' terms, which are yours to keep. Gateways follow within seconds. A file that somebody placed by hand on a gateway is not listed here; an imported one goes before it.",
      "地址所属的国家和网络，供站点策略和自定义规则使用。请为每一类导入一个 MaxMind 格式的数据库：DB-IP Lite（Country、ASN）和 GeoLite2（Country、ASN）可按其提供方的条款免费使用，条款由您自行遵守。网关会在几秒内启用。手工放在网关上的文件不在此列出；导入的数据库优先于它。",
    ],
  },
  hint: {
    content: [
      "A .mmdb or .mmdb.gz of at most 128 MiB, unpacked too. Editions by country cost gateways a tenth of the memory of those by city, and answer the same",
      "不超过 128 MiB（解压后亦然）的 .mmdb 或 .mmdb.gz。按国家的版本占用的网关内存约为按城市版本的十分之一，结果相同",
    ],
  },
  field: {
    content: ["Database (.mmdb)", "数据库（.mmdb）"],
    geoDatabaseId: ["Database of countries or networks", "国家与网络库"],
    databaseType: ["Database", "数据库"],
    inForce: ["In force", "生效中"],
    buildTime: ["Built", "构建时间"],
    ageDays: ["Age in days", "天数"],
    isOutdated: ["Outdated", "已过时"],
    ipVersion: ["IP version", "IP 版本"],
    networks: ["Blocks of addresses", "网段数"],
    sizeBytes: ["Size in bytes", "大小（字节）"],
    gateways: ["Gateways", "网关"],
    fileSha256: ["SHA-256 of the file", "文件的 SHA-256"],
    receivedBytes: ["Bytes received", "已收到的字节数"],
  },
  value: {},
  operation: {
    listGeoDatabases: "列出国家与网络库",
    getGeoDatabase: "查看国家与网络库",
    putGeoDatabasePart: "发送国家与网络库的一部分",
    importGeoDatabase: "导入国家与网络库",
    importGeoDatabaseParts: "导入分段发送的国家与网络库",
    restoreGeoDatabase: "恢复国家与网络库",
    deleteGeoDatabase: "删除国家与网络库",
  },
  problem: {
    geoDatabaseNotFound: ["没有这个国家与网络库", "请列出数据库，并使用其中的编号"],
    geoDatabaseInvalid: [
      "此文件无法作为国家与网络库使用",
      "请提供 MaxMind 格式的 .mmdb 或 .mmdb.gz；没有任何改动",
    ],
    geoDatabaseExists: ["内容完全相同的数据库已存在", "无需处理；如果它是上一个数据库，请恢复它"],
    geoDatabasePartsMissing: [
      "已收到的各部分不能组成此 SHA-256 的文件",
      "请发送文件的每个部分，然后再导入",
    ],
  },
};
