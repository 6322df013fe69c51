/**
 * SecLang's transformations by lower-case name. Chains, caches and multiMatch are the runtime's.
 */
import { bytesOf } from "./transformations/bytes.ts";
import * as codecs from "./transformations/codecs.ts";
import * as comments from "./transformations/comments.ts";
import * as escapes from "./transformations/escapes.ts";
import * as path from "./transformations/path.ts";
import * as php from "./transformations/php-names.ts";
import * as text from "./transformations/text.ts";
import * as url from "./transformations/url.ts";

const length = (value: string): string => {
  const result = String(value.length);
  return result === value ? value : result;
};

/**
 * Pure functions on latin1 strings (one char, one byte): total, and the same string object comes
 * back when nothing changed. `none` is not here: it empties the chain, which is the runtime's.
 */
export const transformations: Readonly<Record<string, (value: string) => string>> = {
  base64decode: codecs.base64Decode,
  base64decodeext: codecs.base64DecodeExt,
  base64encode: codecs.base64Encode,
  cmdline: text.cmdLine,
  compresswhitespace: text.compressWhitespace,
  cssdecode: escapes.cssDecode,
  escapeseqdecode: escapes.escapeSeqDecode,
  hexdecode: codecs.hexDecode,
  hexencode: codecs.hexEncode,
  htmlentitydecode: escapes.htmlEntityDecode,
  jsdecode: escapes.jsDecode,
  length,
  lowercase: text.lowercase,
  md5: codecs.md5,
  normalisepath: path.normalizePath,
  normalisepathwin: path.normalizePathWin,
  normalizepath: path.normalizePath,
  normalizepathwin: path.normalizePathWin,
  parityeven7bit: text.parityEven7bit,
  parityodd7bit: text.parityOdd7bit,
  parityzero7bit: text.parityZero7bit,
  phpargsnames: php.phpArgsNames,
  removecomments: comments.removeComments,
  removecommentschar: comments.removeCommentsChar,
  removenulls: text.removeNulls,
  removewhitespace: text.removeWhitespace,
  replacecomments: comments.replaceComments,
  replacenulls: text.replaceNulls,
  sha1: codecs.sha1,
  sqlhexdecode: codecs.sqlHexDecode,
  trim: text.trim,
  trimleft: text.trimLeft,
  trimright: text.trimRight,
  uppercase: text.uppercase,
  urldecode: url.urlDecode,
  urldecodeuni: (value) => url.urlDecodeUni(value),
  urlencode: url.urlEncode,
  utf8tounicode: url.utf8toUnicode,
};

const backslash = bytesOf("\\");

/**
 * Per transformation a 256-entry 0/1 table of the bytes that can trigger a change. INVARIANT: a
 * value without any of them comes back unchanged. No table: any value may change.
 */
export const identityBytes: Readonly<Record<string, Uint8Array>> = {
  cmdline: text.cmdLineTriggers,
  compresswhitespace: text.spaceBytes,
  cssdecode: backslash,
  escapeseqdecode: backslash,
  htmlentitydecode: bytesOf("&"),
  jsdecode: backslash,
  lowercase: text.upperBytes,
  normalisepath: path.pathTriggers,
  normalisepathwin: path.pathWinTriggers,
  normalizepath: path.pathTriggers,
  normalizepathwin: path.pathWinTriggers,
  parityeven7bit: text.evenBytes,
  parityodd7bit: text.oddBytes,
  parityzero7bit: text.highBytes,
  phpargsnames: php.phpNameTriggers,
  removecomments: comments.commentTriggers,
  removecommentschar: comments.commentCharTriggers,
  removenulls: text.nulBytes,
  removewhitespace: text.removedSpaceBytes,
  replacecomments: bytesOf("/"),
  replacenulls: text.nulBytes,
  sqlhexdecode: bytesOf("0"),
  trim: text.spaceBytes,
  trimleft: text.spaceBytes,
  trimright: text.spaceBytes,
  uppercase: text.lowerBytes,
  urldecode: url.urlTriggers,
  urldecodeuni: url.urlTriggers,
  urlencode: url.urlEncodeTriggers,
  utf8tounicode: url.utf8Triggers,
};
