import type { FailureType } from '../../workflows/domain/failure.ts';

/** A step found the world not as it must be. */
export class StepError extends Error {
  readonly code: FailureType;
  constructor(code: FailureType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StepError';
    this.code = code;
  }
}
