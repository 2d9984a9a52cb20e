/**
 * Whether `version` lies in `range`, of which only `>=`, `<`, spaces and `||` are understood.
 * @throws Error for a range that holds anything else.
 */
export function isSupportedNode(version: string, range: string): boolean;
