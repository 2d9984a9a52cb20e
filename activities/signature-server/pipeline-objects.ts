/** What is read of Tekton's objects; whatever else they hold is not looked at. */
import { z } from 'zod';

/** The API that this project was written for; every Tekton from 0.43 on serves it. */
export const TEKTON = { group: 'tekton.dev', version: 'v1' } as const;
export const PIPELINE_RUN = { ...TEKTON, plural: 'pipelineruns' } as const;
export const TASK_RUN = { ...TEKTON, plural: 'taskruns' } as const;

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const metadata = z.object({ name: z.string(), labels: z.record(z.string(), z.string()).optional() });
const pipelineRun = z.object({
  metadata,
  status: z.object({ conditions: z.array(condition).optional() }).optional(),
});
const step = z.object({
  name: z.string(),
  container: z.string().optional(),
  terminated: z.object({ exitCode: z.number(), reason: z.string().optional() }).optional(),
});
const taskRun = z.object({
  metadata,
  status: z
    .object({
      podName: z.string().optional(),
      conditions: z.array(condition).optional(),
      steps: z.array(step).optional(),
    })
    .optional(),
});

export type PipelineRun = z.infer<typeof pipelineRun>;
export type TaskRun = z.infer<typeof taskRun>;

/** @throws where it is no PipelineRun. */
export function readPipelineRun(untrusted: unknown): PipelineRun {
  return pipelineRun.parse(untrusted);
}

/** @throws where it is no list of TaskRuns. */
export function readTaskRuns(untrusted: unknown): readonly TaskRun[] {
  return z.object({ items: z.array(taskRun) }).parse(untrusted).items;
}
