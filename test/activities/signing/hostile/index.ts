import { joinMessage } from '../../../differential/openpgp/messages.ts';
import { BOMBS } from './bombs.ts';
import { CONFUSIONS } from './confusions.ts';
import { FLOODS } from './floods.ts';
import { FORMS } from './forms.ts';
import { keyStates } from './keys.ts';
import { makeMakings } from './makings.ts';
import { PAYLOADS, SIGNATURES } from './signatures.ts';

/** A message that must be refused, and the keys that are trusted when it comes. */
export interface HostileMessage {
  readonly name: string;
  readonly blob: Buffer;
  readonly keyFile: Buffer;
}

/** More than 200 of them; the same every time, but for the time. */
export function hostileMessages(): HostileMessage[] {
  const makings = makeMakings();
  const tables = { ...BOMBS, ...FLOODS, ...CONFUSIONS, ...FORMS, ...SIGNATURES, ...PAYLOADS };
  const made = Object.entries(tables).map(([name, make]) => ({ name, blob: make(makings), keyFile: makings.keyFile }));
  return [...made, ...keyStates()];
}

/** A message that is made as they are, with nothing wrong in it. */
export function harmlessMessage(): HostileMessage {
  const { good, keyFile } = makeMakings();
  return { name: 'harmless', blob: joinMessage(good), keyFile };
}
