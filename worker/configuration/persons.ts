/** What is known of a key for telling persons apart. */
export interface PersonalKey {
  readonly userIds: readonly string[];
}

/**
 * How many persons hold these keys. User ids of one certificate are one person, and so are certificates that share a
 * user id or an e-mail address: a quorum counts heads, not keys. A certificate without user id is nobody.
 */
export function countPersons(keys: readonly PersonalKey[]): number {
  const persons: Set<string>[] = [];
  for (const { userIds } of keys) {
    const names = new Set(userIds.map(personOf).filter((name) => name !== ''));
    if (names.size === 0) continue;
    const same = persons.filter((person) => [...names].some((name) => person.has(name)));
    for (const person of same) {
      person.forEach((name) => names.add(name));
      persons.splice(persons.indexOf(person), 1);
    }
    persons.push(names);
  }
  return persons.length;
}

/** The e-mail address of a user id in lower case, else the user id itself. */
function personOf(userId: string): string {
  const address = /<([^<>]+)>\s*$/.exec(userId)?.[1];
  return (address ?? userId).trim().toLowerCase();
}
