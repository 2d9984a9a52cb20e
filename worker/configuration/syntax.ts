import type { ErrorCode, YAMLError } from 'yaml';

/** Faults after which the values can still be judged, so that all problems are shown at once. */
const SEMANTIC: readonly ErrorCode[] = ['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'];

const INDENT = 'expected the same number of blanks before every key of a section; align this line with the lines above';

/** Messages of the house for what people really get wrong; the library's words serve for the rest. */
const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  TAB_AS_INDENT: 'a tab is used for indentation; expected blanks; replace the tab by two blanks for each level',
  BAD_INDENT: `the indentation does not fit; ${INDENT}`,
  DUPLICATE_KEY:
    'this key stands twice in the same section; expected each key once; remove one of them, or check the indentation',
  MULTIPLE_DOCS: 'a second document begins; expected one document in the file; remove the line with ---',
  BAD_SCALAR_START: 'a value begins with a character that YAML reserves; expected plain text; put the value in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second ": " stands on this line; expected one key and one value; put the value in quotes, or begin a new line',
  MULTILINE_IMPLICIT_KEY:
    'a key without a value; expected KEY: VALUE with a blank after the colon; add the blank, or the colon',
  NON_STRING_KEY: 'a list or section is used as a key; expected plain text; put the key in quotes',
  BAD_ALIAS: 'an alias without an anchor; expected &NAME earlier in the file; write the value out',
  TAG_RESOLVE_FAILED: 'a YAML tag (!…) is used; expected plain values; remove the tag, or put the value in quotes',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply; expected the layout of the example; remove levels',
  BAD_DIRECTIVE: 'a YAML directive (%…) is not known; expected none; remove the line',
};

/** Tells whether the rest of the file can be judged in spite of such a fault. */
export function isOnlySemantic(code: ErrorCode): boolean {
  return SEMANTIC.includes(code);
}

/** What is wrong with the syntax; what is expected; the way out. */
export function describeSyntaxError(fault: YAMLError, text: string): string {
  // A tab is often reported as what it leads to, and invisible on the screen.
  if (fault.code !== 'TAB_AS_INDENT' && hasTabIndent(text, fault.pos[0])) return MESSAGES.TAB_AS_INDENT ?? '';
  const known = MESSAGES[fault.code];
  if (known !== undefined) return known;
  if (fault.code === 'MISSING_CHAR') {
    const what = fault.message.charAt(0).toLowerCase() + fault.message.slice(1);
    return `${what}; expected valid YAML; add what is missing, here or on an earlier line`;
  }
  // Other messages of the library may quote the source, so only its code is passed on.
  return `this is not valid YAML here (${fault.code}); expected KEY: VALUE or - ITEM; ${INDENT.slice('expected '.length)}`;
}

function hasTabIndent(text: string, offset: number): boolean {
  const lineStart = text.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1;
  return /^ *\t/.test(text.slice(lineStart, lineStart + 200));
}
