/**
 * The formats of strings that an output can be held to, as regular expressions over the whole string. Each takes
 * nothing but strings of the format; where the format is wider, a note says what is left out.
 */

const MONTHS_OF_31 = '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])';
const MONTHS_OF_30 = '(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)';
const LEAP_YEAR = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const DATE = `(?:\\d{4}-(?:${MONTHS_OF_31}|${MONTHS_OF_30}|02-(?:0[1-9]|1\\d|2[0-8]))|${LEAP_YEAR}-02-29)`;
/** No leap seconds; at most nine digits of a second. */
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const GROUP = '[0-9A-Fa-f]{1,4}';
/** RFC 3986, appendix A; no zones. */
const IPV6 = [
  `(?:${GROUP}:){6}(?:${GROUP}:${GROUP}|${IPV4})`,
  `::(?:${GROUP}:){5}(?:${GROUP}:${GROUP}|${IPV4})`,
  `(?:${GROUP})?::(?:${GROUP}:){4}(?:${GROUP}:${GROUP}|${IPV4})`,
  `(?:(?:${GROUP}:){0,1}${GROUP})?::(?:${GROUP}:){3}(?:${GROUP}:${GROUP}|${IPV4})`,
  `(?:(?:${GROUP}:){0,2}${GROUP})?::(?:${GROUP}:){2}(?:${GROUP}:${GROUP}|${IPV4})`,
  `(?:(?:${GROUP}:){0,3}${GROUP})?::${GROUP}:(?:${GROUP}:${GROUP}|${IPV4})`,
  `(?:(?:${GROUP}:){0,4}${GROUP})?::(?:${GROUP}:${GROUP}|${IPV4})`,
  `(?:(?:${GROUP}:){0,5}${GROUP})?::${GROUP}`,
  `(?:(?:${GROUP}:){0,6}${GROUP})?::`,
].join('|');

/** Four labels of 62 characters at most: within the 253 of a name, and of the 63 of a label. */
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?';
const HOSTNAME = `${LABEL}(?:\\.${LABEL}){0,3}`;
/** No quoted local parts, no address literals. */
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]";
const EMAIL = `${ATOM}{1,32}(?:\\.${ATOM}{1,31})?@${LABEL}(?:\\.${LABEL}){1,3}`;

/** RFC 3986, appendix A: with a scheme; hosts are names or IPv4 addresses. */
const ESCAPE = '%[0-9A-Fa-f]{2}';
const PLAIN = "[A-Za-z0-9._~!$&'()*+,;=-]";
const PCHAR = `(?:${PLAIN}|[:@]|${ESCAPE})`;
const AUTHORITY = `//(?:(?:${PLAIN}|:|${ESCAPE})*@)?${HOSTNAME}(?::\\d{1,4})?`;
const PATH_OF_AUTHORITY = `(?:/${PCHAR}*)*`;
const PATH = `(?:/(?:${PCHAR}+(?:/${PCHAR}*)*)?|${PCHAR}+(?:/${PCHAR}*)*)?`;
const TAIL = `(?:${PCHAR}|[/?])*`;
const URI = `[A-Za-z][A-Za-z0-9+.-]*:(?:${AUTHORITY}${PATH_OF_AUTHORITY}|${PATH})(?:\\?${TAIL})?(?:#${TAIL})?`;

const HEX = '[0-9A-Fa-f]';
const UUID = `${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}`;

/** RFC 3339, appendix A; numbers of at most nine digits. */
const COUNT = '\\d{1,9}';
const SPAN_OF_TIME = `T(?:${COUNT}H(?:${COUNT}M(?:${COUNT}S)?)?|${COUNT}M(?:${COUNT}S)?|${COUNT}S)`;
const SPAN_OF_DAYS = `(?:${COUNT}Y(?:${COUNT}M(?:${COUNT}D)?)?|${COUNT}M(?:${COUNT}D)?|${COUNT}D)`;
const DURATION = `P(?:${COUNT}W|${SPAN_OF_TIME}|${SPAN_OF_DAYS}(?:${SPAN_OF_TIME})?)`;

/** Format -> expression for the whole string. */
export const STRING_FORMATS: ReadonlyMap<string, string> = new Map([
  ['date', DATE],
  ['time', TIME],
  ['date-time', `${DATE}T${TIME}`],
  ['duration', DURATION],
  ['uuid', UUID],
  ['email', EMAIL],
  ['hostname', HOSTNAME],
  ['ipv4', IPV4],
  ['ipv6', IPV6],
  ['uri', URI],
]);
