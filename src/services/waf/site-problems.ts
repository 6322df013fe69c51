/** What can go wrong with sites, exclusions and list entries. */
export const siteProblems = {
  "waf.siteNotFound": {
    code: 404,
    message: "There is no such site",
    fix: "List the sites and take an id from there",
  },
  "waf.domainTaken": {
    code: 409,
    message: "A domain of this site is served for another site already",
    fix: "Remove the domain there first, or leave it out here",
  },
  "waf.siteLimit": {
    code: 409,
    message: "This account has as many sites as an account may have",
    fix: "Delete a site that is not used, or put its domain on another",
  },
  "waf.upstreamInvalid": {
    code: 400,
    message: "An upstream cannot be used",
    fix: "Give scheme, host and port only, such as http://127.0.0.1:3000",
  },
  "waf.cidrInvalid": {
    code: 400,
    message: "An address or block of addresses cannot be read",
    fix: "Give an IPv4 or IPv6 address, or a block such as 203.0.113.0/24",
  },
  "waf.exclusionNotFound": {
    code: 404,
    message: "There is no such exclusion",
    fix: "List the exclusions and take an id from there",
  },
  "waf.exclusionLimit": {
    code: 409,
    message: "This site has as many exclusions as a site may have",
    fix: "Delete those that are not needed any more",
  },
  "waf.exclusionExists": {
    code: 409,
    message: "The same exclusion exists",
    fix: "Nothing needs to be done; list the exclusions of the site",
  },
  "waf.variableUnknown": {
    code: 400,
    message: "Rules read no variable of this name",
    fix: "Take the variable from a request's matches, such as ARGS:q or REQUEST_COOKIES:sid",
  },
  "waf.listEntryNotFound": {
    code: 404,
    message: "There is no such entry",
    fix: "List the entries and take an id from there",
  },
  "waf.listLimit": {
    code: 409,
    message: "This account has as many list entries as an account may have",
    fix: "Use blocks of addresses, or delete entries that are not needed",
  },
  "waf.rulesUnavailable": {
    code: 503,
    message: "No rule set is installed on this machine",
    fix: "Run ./cordon doctor; it says how to install the OWASP Core Rule Set",
  },
} as const;
