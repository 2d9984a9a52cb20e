export { checkConfiguration } from './check.ts';
export type { CheckOptions } from './check.ts';
export { originOf } from './configuration.ts';
export type {
  Configuration,
  EnvironmentConfiguration,
  GateConfiguration,
  RebuildConfiguration,
  RegistryOptions,
  ReplicasConfiguration,
  SignaturesConfiguration,
  TemporalConfiguration,
} from './configuration.ts';
export { configurationSchemaJson } from './json-schema.ts';
export { parseConfiguration, readConfiguration } from './parse.ts';
export { ConfigurationError, formatProblem } from './problem.ts';
export type { ConfigurationProblem } from './problem.ts';
