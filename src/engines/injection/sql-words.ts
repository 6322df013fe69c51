/** The SQL words the recognizer knows, each with its token class. Not a full list of reserved words. */

/** Token classes; the character codes spell the fingerprint. */
export const SQL = {
  end: 90, // Z
  string: 115, // s
  open: 120, // x: a string still open where the value ends
  number: 49, // 1
  word: 110, // n
  constant: 75, // K
  variable: 118, // v
  logic: 38, // &
  compare: 61, // =
  compareWord: 76, // L
  operator: 111, // o
  unary: 33, // !
  left: 40,
  right: 41,
  comma: 44,
  semicolon: 59,
  dot: 46,
  comment: 99, // c
  union: 85, // U
  select: 69, // E
  statement: 84, // T
  call: 70, // F: a function that any SQL text may use
  sink: 102, // f: a function that waits, reads files, runs commands or leaks by error
  order: 66, // B
  having: 72, // H
  clause: 87, // W: from, where
  limit: 77, // M
  into: 73, // I
  caseOpen: 67, // C
  caseArm: 119, // w
  procedure: 80, // P
  wait: 68, // D
  unknown: 63, // ?
} as const;

const CLASSES: readonly (readonly [number, string])[] = [
  [SQL.logic, "and or xor"],
  [
    SQL.compareWord,
    "like in between is rlike regexp glob ilike similar sounds isnull notnull match against",
  ],
  [SQL.operator, "div mod collate escape"],
  [SQL.unary, "not binary exists any all distinct distinctrow some interval top"],
  [
    SQL.constant,
    "null true false current_user session_user system_user current_date current_timestamp " +
      "localtime unknown default rownum sysdate",
  ],
  [SQL.union, "union intersect except minus"],
  [SQL.select, "select"],
  [
    SQL.statement,
    "drop insert delete update create alter truncate exec execute declare shutdown call grant " +
      "revoke set copy merge rename handler prepare load begin do show desc describe use replace " +
      "backup attach restore kill go deallocate reconfigure commit rollback",
  ],
  [SQL.order, "order group"],
  [SQL.having, "having"],
  [SQL.clause, "from where"],
  [SQL.limit, "limit offset fetch"],
  [SQL.into, "into"],
  [SQL.caseOpen, "case"],
  [SQL.caseArm, "when then else end"],
  [SQL.procedure, "procedure"],
  [SQL.wait, "waitfor"],
  [
    SQL.sink,
    "sleep benchmark pg_sleep pg_sleep_for pg_sleep_until load_file extractvalue updatexml " +
      "xp_cmdshell xp_dirtree xp_regread xp_regwrite xp_fileexist xp_subdirs sp_executesql " +
      "sp_oacreate sp_password receive_message get_host_address drithsx randomblob zeroblob " +
      "load_extension lo_import lo_export pg_read_file pg_ls_dir xmltype gtid_subset gtid_subtract " +
      "json_keys name_const polygon multipoint multilinestring geometrycollection linestring " +
      "st_latfromgeohash st_longfromgeohash st_pointfromgeohash master_pos_wait " +
      "database_to_xml query_to_xml openrowset opendatasource dblink_connect dblink " +
      "get_lock release_lock sys_eval sys_exec fn_xe_file_target_read_file fn_trace_gettable " +
      "httpuritype",
  ],
  [
    SQL.call,
    "concat concat_ws group_concat char chr ascii ord unichar substr substring mid left right " +
      "length char_length character_length len count sum min max avg if ifnull iif nullif coalesce " +
      "isnull nvl nvl2 decode hex unhex md5 sha1 sha sha2 rand random floor round ceil ceiling abs " +
      "sqrt cast convert version user database schema current_user session_user system_user now " +
      "sysdate curdate date time lower upper lcase ucase trim ltrim rtrim reverse repeat replicate " +
      "instr locate position make_set elt field find_in_set interval greatest least exp pow power " +
      "sign pi row json_extract json_array json_object json_valid json_length json_depth " +
      "json_value json_query json_type jsonb_path_exists to_char to_number to_date rownum row_count " +
      "sqlite_version total_changes current_database current_schema pg_backend_pid " +
      "generate_series string_agg array_agg array_to_string quote_literal quote_ident " +
      "from_base64 to_base64 aes_encrypt aes_decrypt compress uncompress conv bin oct crc32 " +
      "db_name user_name suser_sname suser_name host_name object_id object_name is_srvrolemember " +
      "has_dbaccess stuff str patindex charindex quotename xmlagg xmlelement listagg wm_concat " +
      "typeof like likelihood likely unicode printf quote last_insert_rowid connection_id " +
      "last_insert_id found_rows lpad rpad space strcmp soundex regexp_like regexp_substr " +
      "regexp_instr regexp_replace sys_context bitand rawtohex hextoraw values exists uuid " +
      "inet_aton inet_ntoa load_data encode unnest replace format acos asin atan atan2 cos cot degrees " +
      "exp ln log10 log2 radians sin tan",
  ],
];

const WORD_CLASSES: ReadonlyMap<string, number> = new Map(
  [...CLASSES].reverse().flatMap(([kind, words]) => words.split(" ").map((word) => [word, kind])),
);

const CALLABLE: ReadonlySet<string> = new Set(
  CLASSES.filter(([kind]) => kind === SQL.call || kind === SQL.sink).flatMap(([, words]) =>
    words.split(" "),
  ),
);

const SINKS: ReadonlySet<string> = new Set(
  CLASSES.filter(([kind]) => kind === SQL.sink).flatMap(([, words]) => words.split(" ")),
);

/** Packages of Oracle whose members all wait, read or connect: `dbms_pipe.receive_message`. */
const SINK_PACKAGES: ReadonlySet<string> = new Set(
  "dbms_pipe dbms_lock dbms_xmlgen dbms_utility dbms_ldap utl_http utl_inaddr utl_file ctxsys".split(
    " ",
  ),
);

/** No word of the list is longer; a longer word of a value needs no look-up. */
export const SQL_WORD_BYTES_MAX = Math.max(...[...WORD_CLASSES.keys()].map((word) => word.length));

/** Class of a lower-case word; `follower` is the byte of the next sign: `(` calls, `.` qualifies. */
export function sqlWordClass(word: string, follower: number): number {
  if (follower === SQL.left && CALLABLE.has(word)) return SINKS.has(word) ? SQL.sink : SQL.call;
  if (follower === SQL.dot) return SINK_PACKAGES.has(word) ? SQL.sink : SQL.word;
  const kind = WORD_CLASSES.get(word);
  if (kind === undefined || kind === SQL.call) return SQL.word;
  return kind;
}

const OBJECTS =
  "table database schema view index user procedure proc function trigger login role column " +
  "sequence type extension temporary temp global or unique tablespace any assembly if alias " +
  "aggregate external language server";

/** Second words that make a statement of a verb; `*` admits any word, variable or parenthesis. */
export const STATEMENT_SECOND_WORDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    drop: OBJECTS,
    create: OBJECTS,
    alter: `${OBJECTS} session system`,
    truncate: "table",
    insert: "into ignore low_priority delayed high_priority overwrite",
    replace: "into",
    merge: "into",
    delete: "from",
    rename: "table user",
    load: "data xml",
    begin: "declare transaction try",
    show: "tables databases columns grants variables processlist schemas full create status",
    backup: "database log",
    restore: "database log",
    attach: "database",
    grant: "all select insert update delete execute usage create dba super",
    revoke: "all select insert update delete execute usage create dba super",
    shutdown: "with immediate abort nowait",
    execute: "immediate",
    set: "global session",
    reconfigure: "with",
  }).map(([verb, words]) => [verb, new Set(words.split(" "))]),
);
