// @ts-check
// The little of version ranges that `engines.node` uses: comparators, all of a group, any of the groups.

/**
 * @param {string} version such as `20.19.1`
 * @param {string} range such as `>=20.19 <21 || >=24`
 * @returns {boolean}
 */
export function isSupportedNode(version, range) {
  return range.split('||').some((group) =>
    group
      .trim()
      .split(/\s+/)
      .every((comparator) => holds(version, comparator)),
  );
}

/**
 * @param {string} version
 * @param {string} comparator
 */
function holds(version, comparator) {
  const match = /^(>=|<)(\d+(?:\.\d+)*)$/.exec(comparator);
  if (match === null) throw new Error(`read engines.node: "${comparator}" is neither >=VERSION nor <VERSION`);
  const order = compare(version, match[2] ?? '');
  return match[1] === '<' ? order < 0 : order >= 0;
}

/**
 * @param {string} one
 * @param {string} other
 */
function compare(one, other) {
  const left = one.split('.').map(Number);
  const right = other.split('.').map(Number);
  for (let i = 0; i < 3; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
