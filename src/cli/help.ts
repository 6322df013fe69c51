/** The overview that `cordon help` prints. */

export const HELP = `Cordon: the security stack of a cloud as one self-hosted program

  ./cordon up [--detach]       start everything; Ctrl-C (or down) stops it
  ./cordon down                stop it
  ./cordon status              every process: state, memory, restarts, address
  ./cordon logs [NAME] [-f]    print (and follow) the logs
  ./cordon doctor              what works on this machine, what not, and how to switch it on
  ./cordon demo                a vulnerable shop, protected and attacked
  ./cordon audit verify        check the audit log offline
  ./cordon explain request ID  the rules that a stored request met, and what blocked it
  ./cordon keys status         the root of trust: how it opens, what protects it
  ./cordon keys unseal | set-passphrase | recovery-shares | recover
  ./cordon keys move-root | accept-restored
  ./cordon backup create | verify | restore FILE   the whole state in one sealed file
  ./cordon encrypt FILE --key KEY | decrypt FILE   a file under a key of the key service
  ./cordon waf ruleset import ARCHIVE|FOLDER   another rule set, beside the installed one
  ./cordon waf geo-database import FILE   countries or networks of addresses (.mmdb)
  ./cordon upgrade --check     what the next start would change, and whether it may
  ./cordon config check        every setting: its value, where it comes from, what is unknown
  ./cordon support dump FILE   facts for whoever helps, without secrets
  ./cordon admin recover       a way back in for an administrator, on this machine only
  ./cordon bench [NAME]        measure the figures of the README
  ./cordon conformance wycheproof   ask Project Wycheproof's vectors of the key API
  ./cordon conformance crs     run the Core Rule Set's own tests, also --socket
  ./cordon test [FILTER…]      run every check and test
  ./cordon version
  ./cordon NOUN VERB …         operate it: waf site create, iam user list, …

  --output json                on status, doctor and every NOUN VERB
  CORDON_DATA=FOLDER           where all state lives (default: data/ in the program folder)
  CORDON_CONSOLE_PORT, CORDON_GATEWAY_HTTP_PORT, CORDON_GATEWAY_HTTPS_PORT, CORDON_FLEET_PORT
  CORDON_DATABASE_URL          an external PostgreSQL instead of the embedded one
Exit status: 0 ok, 1 problem, 2 usage, 3 denied, 4 conflict, 5 unreachable
`;
