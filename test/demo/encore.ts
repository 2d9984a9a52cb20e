/** `--keep`: everything stays up until Ctrl-C, with something to decide and the commands to do it. */
import { APPROVERS } from '../support/site.ts';
import { pasteable } from './company.ts';
import type { Company } from './company.ts';
import { BUILDER, NAME } from './scenes.ts';

const NEXT_TAG = '1.5';

/** Starts a second candidate, prints what can be done, calls `ready`, and waits until the company's signal is aborted. */
export async function playEncore(company: Company, ready: () => void): Promise<void> {
  const { site, stage, signal } = company;
  stage.scene(
    'Everything stays up',
    `A second candidate, ${NAME}:${NEXT_TAG}, is on its way and waits for you; Ctrl-C stops and removes everything.`,
  );
  await site.push(NAME, NEXT_TAG);
  await company.countersign(['start', `${NAME}:${NEXT_TAG}`, '--to', 'prod', '--by', BUILDER]);
  stage.line();
  showAddresses(company);
  stage.line();
  stage.line('To play with, in another terminal:');
  for (const words of commands()) stage.command(pasteable(company, ...words));
  stage.line();
  stage.line('Ctrl-C stops everything.');
  ready();
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  signal.throwIfAborted();
}

/** Where everything is. */
export function showAddresses({ site, stage }: Company): void {
  const { temporal, gitHost, environments } = site;
  if (temporal.uiAddress !== undefined) stage.line(`Temporal's web page  ${temporal.uiAddress}`);
  stage.line(`Temporal             ${temporal.address}`);
  stage.line(`git                  ${gitHost.url}, user ${gitHost.user}, password ${gitHost.password}`);
  for (const { name, registry, signatureServer, repository } of environments) {
    stage.line(
      `${name.padEnd(21)}registry http://${registry.host}/v2/_catalog, signatures ${signatureServer.servedAt}`,
    );
    stage.line(`${' '.repeat(21)}repository ${repository.url}, on disk ${repository.directory}`);
  }
  stage.line(`configuration        ${site.configurationFile}`);
}

function commands(): readonly (readonly string[])[] {
  const next = `${NAME}:${NEXT_TAG}`;
  const [ann = '', bob = ''] = APPROVERS.map((userId) => /<(.*)>/.exec(userId)?.[1] ?? userId);
  const decide = (verb: string, environment: string, by: string): readonly string[] => [
    ...[verb, next, '--environment', environment, '--by', by],
  ];
  return [
    ['list'],
    ['status', next],
    decide('approve', 'qa', ann),
    ['watch', next],
    decide('approve', 'prod', ann),
    decide('approve', 'prod', bob),
    [...decide('reject', 'prod', bob), '--reason', 'not today'],
    ['help'],
  ];
}
