/** The reference of the image in which every step runs: written in many files, the same everywhere. */

/** The parameter whose default it is. */
export const IMAGE_PARAM = 'countersignImage';

/** A tag for people, and the digest that counts. */
const PINNED = /^[a-z0-9.-]+(:[0-9]+)?(\/[a-z0-9._-]+)+:[A-Za-z0-9_][A-Za-z0-9_.-]*@sha256:[0-9a-f]{64}$/;

/** The parameter's name, and the default that belongs to the same entry of the list. */
const DEFAULT = new RegExp(`(- name: ${IMAGE_PARAM}\\n(?:(?! *- name:).*\\n)*? *default: )(\\S+)`, 'g');

/** Tells whether a reference has both tag and digest. */
export function isPinned(reference: string): boolean {
  return PINNED.test(reference);
}

/** The text of a YAML file with another step image, unchanged but for that. */
export function withStepImage(text: string, reference: string): string {
  if (!isPinned(reference))
    throw new Error(`set the step image: expected HOST/NAME:TAG@sha256:DIGEST, received ${reference}`);
  return text.replace(DEFAULT, (_match, before: string) => `${before}${reference}`);
}
