/** What the virtual patches that come with Cordon are for, by `waf.patch.<CVE>.<field>`. */
import type { Coded, Texts } from "../../lib/coded-text.ts";

/** English as in `content/waf/patches/`; a test compares. */
export const wafTexts = {
  "waf.patch.CVE-2014-6271.title": [
    "Shellshock: function definitions in variables of bash",
    "Shellshock：bash 变量中的函数定义",
  ],
  "waf.patch.CVE-2014-6271.description": [
    "GNU bash before 4.3 patch 25 runs what follows a function definition in an environment variable. CGI makes variables of header fields.",
    "GNU bash 4.3 补丁 25 之前的版本会执行环境变量中函数定义之后的内容，而 CGI 会把请求头变为环境变量。",
  ],
  "waf.patch.CVE-2017-5638.title": [
    "Apache Struts 2: OGNL in Content-Type",
    "Apache Struts 2：Content-Type 中的 OGNL 表达式",
  ],
  "waf.patch.CVE-2017-5638.description": [
    "Apache Struts 2.3.5 to 2.3.31 and 2.5 to 2.5.10 evaluates OGNL in a malformed Content-Type, Content-Disposition or Content-Length.",
    "Apache Struts 2.3.5 至 2.3.31、2.5 至 2.5.10 会对畸形的 Content-Type、Content-Disposition 或 Content-Length 中的 OGNL 求值。",
  ],
  "waf.patch.CVE-2021-41773.title": [
    "Apache HTTP Server 2.4.49 and 2.4.50: files outside the folders of an alias",
    "Apache HTTP Server 2.4.49 和 2.4.50：读取别名目录之外的文件",
  ],
  "waf.patch.CVE-2021-41773.description": [
    "Apache HTTP Server 2.4.49 decodes dots after it has resolved the path, and 2.4.50 (CVE-2021-42013) misses a second layer of encoding. With CGI on it runs programs.",
    "Apache HTTP Server 2.4.49 在解析路径之后才解码点号，2.4.50（CVE-2021-42013）漏掉第二层编码。启用 CGI 时可执行程序。",
  ],
  "waf.patch.CVE-2021-44228.title": [
    "Log4Shell: lookups in what Apache Log4j 2 writes",
    "Log4Shell：Apache Log4j 2 对日志内容执行查找",
  ],
  "waf.patch.CVE-2021-44228.description": [
    `Apache Log4j 2 before 2.15 resolves \${jndi:…} in logged text, which loads code from a server of the attacker's. Any part of a request may be logged.`,
    `Apache Log4j 2.15 之前的版本会解析日志文本中的 \${jndi:…}，从攻击者的服务器加载代码。请求的任何部分都可能写入日志。`,
  ],
  "waf.patch.CVE-2022-22965.title": [
    "Spring4Shell: the class loader reached by form fields",
    "Spring4Shell：通过表单字段访问类加载器",
  ],
  "waf.patch.CVE-2022-22965.description": [
    "Spring Framework before 5.3.18 on JDK 9 and later binds parameters to class.module.classLoader, by which a page can be written into the server's folder.",
    "JDK 9 及以上的 Spring Framework 5.3.18 之前版本会把参数绑定到 class.module.classLoader，借此可向服务器目录写入页面。",
  ],
  "waf.patch.CVE-2024-4577.title": [
    "PHP-CGI on Windows: arguments by a soft hyphen",
    "Windows 上的 PHP-CGI：以软连字符注入参数",
  ],
  "waf.patch.CVE-2024-4577.description": [
    "PHP before 8.1.29, 8.2.20 and 8.3.8 as CGI on Windows takes a soft hyphen (0xAD) in the query for a dash, so the query becomes arguments of the interpreter. The older CVE-2012-1823 used a dash.",
    "Windows 上以 CGI 运行的 PHP 8.1.29、8.2.20、8.3.8 之前版本会把查询中的软连字符（0xAD）当作短横线，查询因而成为解释器的参数。更早的 CVE-2012-1823 使用短横线。",
  ],
} as const satisfies Texts;

const codedOf = (code: string): Coded | null =>
  Object.hasOwn(wafTexts, code) ? { code, values: {} } : null;

/** A virtual patch as callers see it, with codes for what there are words for. */
export const patchView = ({ patchId, title, description }: Readonly<Record<Field, string>>) => ({
  ...{ patchId, title, titleCoded: codedOf(`waf.patch.${patchId}.title`) },
  ...{ description, descriptionCoded: codedOf(`waf.patch.${patchId}.description`) },
});
type Field = "patchId" | "title" | "description";
