import type { Connection } from '@temporalio/client';
import { connectClient } from './connect.ts';
import type { Configuration } from './configuration/index.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/domain/names.ts';

const RETENTION_DAYS = 90;
/** `temporal.api.enums.v1.IndexedValueType`. */
const INDEXED: Readonly<Record<(typeof SEARCH_ATTRIBUTES)[keyof typeof SEARCH_ATTRIBUTES], number>> = {
  KEYWORD: 2,
  DATETIME: 6,
  KEYWORD_LIST: 7,
};

/** What `setup` found and did. */
export interface SetupReport {
  readonly namespace: string;
  readonly added: readonly string[];
  readonly present: readonly string[];
  readonly retentionDays: number;
}

/**
 * Prepares the Temporal namespace: our search attributes, and a retention long enough that `status` and `replay` find
 * what ended weeks ago. Repeating it changes nothing.
 */
export async function setUpNamespace(configuration: Configuration): Promise<SetupReport> {
  const { connection, close } = await connectClient(configuration);
  const { namespace } = configuration.temporal;
  try {
    const missing = await missingSearchAttributes(connection, namespace);
    if (missing.length > 0) {
      const searchAttributes = Object.fromEntries(missing.map((name) => [name, INDEXED[SEARCH_ATTRIBUTES[name]]]));
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    }
    await raiseRetention(connection, namespace);
    const present = attributeNames().filter((name) => !missing.includes(name));
    return { namespace, added: missing, present, retentionDays: RETENTION_DAYS };
  } finally {
    await close();
  }
}

/** Our search attributes that the namespace lacks. An upsert of a missing one would block a workflow for ever. */
export async function missingSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<(keyof typeof SEARCH_ATTRIBUTES)[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return attributeNames().filter((name) => !Object.hasOwn(customAttributes, name));
}

function attributeNames(): (keyof typeof SEARCH_ATTRIBUTES)[] {
  return Object.keys(SEARCH_ATTRIBUTES) as (keyof typeof SEARCH_ATTRIBUTES)[];
}

async function raiseRetention(connection: Connection, namespace: string): Promise<void> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  const seconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  const wanted = RETENTION_DAYS * 24 * 3600;
  if (seconds >= wanted) return;
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: { seconds: wanted as unknown as Long, nanos: 0 } },
  });
}
