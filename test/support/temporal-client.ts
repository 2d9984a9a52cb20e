import { Client, Connection } from '@temporalio/client';

/** Opens a client of a Temporal server at `address` (HOST:PORT) for as long as `use` takes. */
export async function withTemporalClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
