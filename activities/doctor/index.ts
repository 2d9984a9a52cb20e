/** Why a cluster cannot pull an image: a walk through everything that a pull touches. */
export { diagnose } from './diagnose.ts';
export { Findings, STEPS } from './finding.ts';
export type { Diagnosis, DoctorStep, Finding, FindingStatus } from './finding.ts';
export type { ExaminedEnvironment, Patient } from './patient.ts';
