import { z } from 'zod';

import {
  refuseBranch,
  refuseHostPort,
  refuseRegistryPrefix,
  refuseRepositoryDirectory,
  refuseRepositoryUrl,
  refuseServedAt,
  refuseServiceUrl,
} from './addresses.ts';
import { DURATION_PATTERN, refuseDuration } from './duration.ts';
import type { DurationBounds } from './duration.ts';
import { describeValue, quoteValue } from './quoting.ts';

/** What a value must be, for messages and for editors. */
export interface ValueRule {
  readonly description: string;
  /** Completes "expected …". */
  readonly expected: string;
  /** The way out where the value is there and wrong. */
  readonly remedy: string;
  readonly example: string | number | boolean;
  /** The way out for a number or a truth value in the place of text. */
  readonly scalarRemedy?: string;
  /** For editors; the check itself is `refuse`. */
  readonly pattern?: string;
  /** What is wrong with the text, or undefined. */
  readonly refuse?: (text: string) => string | undefined;
}

type Description = Pick<ValueRule, 'description'> & Partial<ValueRule>;

/** The environment's name becomes part of queues, branches and folders. */
export const ENVIRONMENT_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const HTTP_REMEDY =
  'write https://HOST/PATH; plain http is only for loopback, and user names, passwords and tokens belong into the secrets folder';

/** Text by a rule. */
export function textValue(rule: ValueRule) {
  return z
    .string({ error: (issue) => describeFault(rule, issue.input) })
    .check((context) => {
      const wrong = context.value === '' ? 'is empty' : rule.refuse?.(context.value);
      if (wrong === undefined) return;
      const found = context.value === '' ? '' : `${quoteValue(context.value)} `;
      const message = `${found}${wrong}; expected ${rule.expected}; ${rule.remedy}`;
      context.issues.push({ code: 'custom', message, input: context.value });
    })
    .meta({
      description: rule.description,
      examples: [rule.example],
      ...(rule.pattern !== undefined && { pattern: rule.pattern }),
    });
}

/** The message for a value of the wrong type, or for none. */
export function describeFault(rule: ValueRule, input: unknown): string {
  const what = `${describeValue(input)}; expected ${rule.expected}`;
  if (input === undefined || input === null) return `${what}; add it, for example ${JSON.stringify(rule.example)}`;
  const scalar = typeof input === 'number' || typeof input === 'boolean';
  return `${what}; ${scalar ? (rule.scalarRemedy ?? 'put the value in quotes') : rule.remedy}`;
}

/** A whole number within bounds. */
export function countValue(rule: ValueRule & { readonly least: number; readonly most: number }) {
  const error = (issue: { readonly input: unknown }): string =>
    describeFault({ ...rule, scalarRemedy: rule.remedy }, issue.input);
  return z.int({ error }).min(rule.least, { error }).max(rule.most, { error }).meta({ description: rule.description });
}

/** `true` or `false`; YAML 1.2 reads `yes` and `on` as text. */
export function switchValue({ description }: Description) {
  const rule = { description, expected: 'true or false', remedy: 'write true or false, without quotes', example: true };
  const error = (issue: { readonly input: unknown }): string =>
    describeFault({ ...rule, scalarRemedy: rule.remedy }, issue.input);
  return z.boolean({ error }).meta({ description });
}

/** A duration with a unit, within bounds. */
export function durationValue({ description, ...bounds }: Description & DurationBounds) {
  return textValue({
    description,
    expected: `a duration from ${bounds.least} to ${bounds.most}`,
    remedy: 'write a number and a unit, for example 7 days or 30 minutes',
    scalarRemedy: 'write the unit too, for example 7 days or 30 minutes',
    example: '30 minutes',
    pattern: DURATION_PATTERN,
    refuse: (text) => refuseDuration(text, bounds),
  });
}

/** A file or folder, relative to the configuration file or absolute. */
export function pathValue({ description, example = 'keys/dev.asc' }: Description) {
  return textValue({
    description,
    expected: 'a path, absolute or relative to this file',
    remedy: 'write the path out; ~ and $VARIABLES are not expanded',
    example,
    refuse: (text) => (/^[~$]/.test(text) || text.includes('\0') ? 'is not a path that can be opened' : undefined),
  });
}

/** The name of an environment. */
export function environmentNameValue({ description }: Description) {
  return textValue({
    description,
    expected: 'an environment name: 1 to 32 lower-case letters, digits and -, not beginning or ending with -',
    remedy: 'choose such a name here, under route and for the secrets folder',
    example: 'dev',
    pattern: ENVIRONMENT_NAME.source,
    refuse: (text) => (ENVIRONMENT_NAME.test(text) ? undefined : 'cannot be the name of an environment'),
  });
}

/** `HOST[:PORT][/NAMESPACE…]`. */
export function registryValue({ description }: Description) {
  return textValue({
    description,
    expected: 'HOST[:PORT][/NAMESPACE…] in lower case, without scheme, tag and trailing slash',
    remedy: 'write it as it stands at the beginning of image references; a host needs a dot or a port',
    example: 'registry.dev.example.com/acme',
    refuse: refuseRegistryPrefix,
  });
}

/** An https URL. */
export function serviceUrlValue({ description, example = 'https://hook.example.com' }: Description) {
  return textValue({
    description,
    expected: 'an https URL without user, query and fragment',
    remedy: HTTP_REMEDY,
    example,
    refuse: refuseServiceUrl,
  });
}

/** Where clusters read signatures. */
export function servedAtValue({ description }: Description) {
  return textValue({
    description,
    expected: 'an https URL without user, query, fragment and trailing slash',
    remedy: HTTP_REMEDY,
    example: 'https://signatures.dev.example.com/images',
    refuse: refuseServedAt,
  });
}

/** A git URL. */
export function repositoryUrlValue({ description }: Description) {
  return textValue({
    description,
    expected: 'https://HOST/PATH, ssh://[USER@]HOST/PATH or USER@HOST:PATH',
    remedy: 'write one of these; plain http is only for loopback, and credentials belong into the secrets folder',
    example: 'https://git.example.com/acme/signatures-dev.git',
    refuse: refuseRepositoryUrl,
  });
}

/** A branch's name. */
export function branchValue({ description }: Description) {
  return textValue({
    description,
    expected: 'the name of a branch',
    remedy: 'write it without refs/heads/ and without special characters',
    example: 'main',
    refuse: refuseBranch,
  });
}

/** A folder in a repository. */
export function repositoryDirectoryValue({ description }: Description) {
  return textValue({
    description,
    expected: 'a folder inside the repository',
    remedy: 'write it relative to the root of the repository, for example images',
    example: 'images',
    refuse: refuseRepositoryDirectory,
  });
}

/** `HOST:PORT`. */
export function hostPortValue({ description, example = '10.0.0.1:8080' }: Description) {
  return textValue({
    description,
    expected: 'HOST:PORT, an IPv6 address in brackets',
    remedy: 'write host and port without a scheme',
    example,
    refuse: refuseHostPort,
  });
}

/** A name in Kubernetes. */
export function kubernetesNameValue({ description, example = 'signature-server' }: Description) {
  return textValue({
    description,
    expected: 'a Kubernetes name: lower-case letters, digits, - and .',
    remedy: 'write the name as kubectl shows it',
    example,
    pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$',
    refuse: (text) => (/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(text) ? undefined : 'is not such a name'),
  });
}
