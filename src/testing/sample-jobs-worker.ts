/** A thread of jobs as the server has it, with those of a test. */
import { serveApart } from '../platform/jobs/serve-apart.ts';
import { sampleMaker } from './sample-jobs.ts';

declare const self: Worker;

serveApart(self, sampleMaker);
