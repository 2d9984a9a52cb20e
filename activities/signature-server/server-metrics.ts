import { Counter, Gauge, Registry } from 'prom-client';

/** What the server counts, in a registry of its own. */
export interface ServerMetrics {
  countRequest(request: { readonly method: string; readonly status: number }): void;
  countSignature(): void;
  countWebhook(result: string): void;
  countRefresh(ok: boolean): void;
  showSnapshot(snapshot: { readonly commit: string; readonly files: ReadonlyMap<string, unknown> }): void;
  /** The text of Prometheus' exposition format, and its content type. */
  render(): Promise<{ readonly text: string; readonly contentType: string }>;
}

const PREFIX = 'countersign_signature_server';
const METHODS = new Set(['GET', 'HEAD', 'POST']);

export function createServerMetrics(branch: string): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: readonly string[] = []): Counter =>
    new Counter({ name: `${PREFIX}_${name}`, help, labelNames: [...labelNames], registers });
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: `${PREFIX}_${name}`, help, labelNames: [...labelNames], registers });

  const requests = counter('requests_total', 'Requests answered, by method and status.', ['method', 'status']);
  const signatures = counter('signatures_served_total', 'Signatures sent with status 200 to a GET.');
  const webhooks = counter('webhooks_total', 'Webhooks received, by result.', ['result']);
  const refreshes = counter('refreshes_total', 'Looks at the repository that succeeded.');
  const failures = counter('refresh_failures_total', 'Looks at the repository that failed.');
  const refreshed = gauge('last_refresh_timestamp_seconds', 'When the repository was last looked at with success.');
  const failing = gauge('refresh_failing', '1 while the last look at the repository failed.');
  const snapshot = gauge('snapshot_info', 'Commit and branch that are served.', ['commit', 'branch']);
  const files = gauge('snapshot_files', 'Files in the served commit.');

  return {
    // A client chooses its method; unknown ones share a label.
    countRequest: ({ method, status }) =>
      requests.inc({ method: METHODS.has(method) ? method : 'other', status: String(status) }),
    countSignature: () => signatures.inc(),
    countWebhook: (result) => webhooks.inc({ result }),
    countRefresh: (ok) => {
      (ok ? refreshes : failures).inc();
      failing.set(ok ? 0 : 1);
      if (ok) refreshed.setToCurrentTime();
    },
    showSnapshot: (shown) => {
      snapshot.reset();
      snapshot.set({ commit: shown.commit, branch }, 1);
      files.set(shown.files.size);
    },
    render: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
