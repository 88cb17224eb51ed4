/**
 * The name this library gives itself on the wire. The version is written down here, so that nothing reads package.json
 * at run time; a test holds the two together.
 */
export const VERSION = "0.1.0";
export const USER_AGENT = `everfresh/${VERSION}`;
