import type { Command } from 'commander';
import type { Host } from '../call.ts';
import { addAbort } from './abort.ts';
import { addConfirm } from './confirm.ts';
import { addConfirmPublication } from './confirm-publication.ts';
import { addConfig } from './config.ts';
import { addCopy } from './copy.ts';
import { addApprove, addReject } from './decide.ts';
import { addDoctor } from './doctor.ts';
import { addHelp } from './help.ts';
import { addKeys } from './keys.ts';
import { addList } from './list.ts';
import { addPublish } from './publish.ts';
import { addRebuild } from './rebuild.ts';
import { addReference } from './reference.ts';
import { addReplay } from './replay.ts';
import { addRetry } from './retry.ts';
import { addServeSignatures } from './serve-signatures.ts';
import { addSetup } from './setup.ts';
import { addSign } from './sign.ts';
import { addStart } from './start.ts';
import { addStatus } from './status.ts';
import { addTidy } from './tidy.ts';
import { addTrust } from './trust.ts';
import { addUp } from './up.ts';
import { addVerify } from './verify.ts';
import { addVerifySignature } from './verify-signature.ts';
import { addWatch } from './watch.ts';
import { addWorker } from './worker.ts';

const GROUPS: Readonly<Record<string, readonly ((program: Command, host: Host) => void)[]>> = {
  'Promotions:': [addStart, addStatus, addList, addWatch],
  'Decisions:': [addApprove, addReject],
  'When something went wrong:': [addDoctor, addRetry, addAbort, addReplay, addTidy],
  'Running it:': [addUp, addWorker, addServeSignatures, addSetup],
  'One step at a time, without a promotion:': [
    addCopy,
    addSign,
    addPublish,
    addRebuild,
    addConfirm,
    addConfirmPublication,
    addVerify,
    addVerifySignature,
  ],
  'Looking closely:': [addTrust, addReference],
  'Preparing:': [addConfig, addKeys],
  'Help:': [addHelp],
};

/** Adds every command, in groups as people look for them. */
export function addCommands(program: Command, host: Host): void {
  for (const [group, commands] of Object.entries(GROUPS)) {
    program.commandsGroup(group);
    for (const add of commands) add(program, host);
  }
}
