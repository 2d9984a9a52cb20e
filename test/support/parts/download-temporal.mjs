// @ts-check
// Run as a program: VERSION FOLDER. The SDK fetches the CLI when it starts a development server, so one is started.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [version, downloadDir] = process.argv.slice(2);
if (version === undefined || downloadDir === undefined) throw new Error('usage: download-temporal.mjs VERSION FOLDER');
const executable = /** @type {const} */ ({ type: 'cached-download', version, downloadDir });
const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
await environment.teardown();
