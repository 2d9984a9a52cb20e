/** The signature server: serving a published branch, asking for a rebuild, confirming what is served. */
export { checkServed, checkServedByAll } from './check-served.ts';
export type { AskedServers, CheckServedCall, CheckServedByAllInput, CheckServedInput } from './check-served.ts';
export { SignatureServerError } from './error.ts';
export type { ServedFailure, SignatureServerErrorCode, SignatureServerErrorDetails } from './error.ts';
export type { ServerCall } from './http-exchange.ts';
export type { Push, PushedCommit } from './push-payload.ts';
export { createRebuildTrigger } from './rebuild-trigger.ts';
export type { RebuildRequest, RebuildTrigger, RebuildTriggerConfig } from './rebuild-trigger.ts';
export { parseEndpoint, resolveReplicas } from './replicas.ts';
export type { Replica, ReplicaConfig, ResolveReplicasCall } from './replicas.ts';
export { serveSignatures } from './serve-signatures.ts';
export type { SignatureServer } from './serve-signatures.ts';
export type { LogFields, LogLevel, ServeSignaturesOptions, ServerLog } from './serve-options.ts';
export { expectSignatures } from './served-expectation.ts';
export type { ExpectedSignature, ServedExpectation } from './served-expectation.ts';
export { triggerWebhook } from './trigger-webhook.ts';
export type { WebhookInput, WebhookTarget } from './trigger-webhook.ts';
