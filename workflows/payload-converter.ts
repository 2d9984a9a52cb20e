import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadConverter } from '@temporalio/common';

/**
 * The default converter, except that reading never throws: a payload in an unknown encoding becomes a value that the
 * handlers refuse. Otherwise one such signal, sent by anybody with the plain CLI, would fail every workflow task
 * before a handler runs and stop the promotion for ever.
 */
class TolerantPayloadConverter implements PayloadConverter {
  toPayload(value: unknown): Payload {
    return defaultPayloadConverter.toPayload(value);
  }

  // The interface leaves it to the caller to say what the payload holds.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  fromPayload<T>(payload: Payload): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload);
    } catch {
      return 'a payload that could not be decoded' as T;
    }
  }
}

export const payloadConverter = new TolerantPayloadConverter();
