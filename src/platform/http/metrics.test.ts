import { expect, test } from 'bun:test';
import { startFoundation } from '../../testing/foundation.ts';
import { observeAnswer, serveMetrics } from './metrics.ts';
import { countAnswer, figuresText, type RequestFigures } from './request-figures.ts';

test('answers are counted by operation and status, and their times fall into cumulative buckets', () => {
  const figures: RequestFigures = new Map();
  for (const ms of [0.4, 1, 1.1, 30, 60_000]) {
    countAnswer(figures, 'getThing', 200, ms);
  }
  countAnswer(figures, 'getThing', 429, 0.1);
  countAnswer(figures, 'listThings', 200, 3);
  expect(figuresText(figures)).toBe(`# HELP plimsoll_requests_total Answers by operation and status
# TYPE plimsoll_requests_total counter
plimsoll_requests_total{operation="getThing",status="200"} 5
plimsoll_requests_total{operation="getThing",status="429"} 1
plimsoll_requests_total{operation="listThings",status="200"} 1
# HELP plimsoll_request_seconds Time to answer by operation
# TYPE plimsoll_request_seconds histogram
plimsoll_request_seconds_bucket{operation="getThing",le="0.001"} 3
plimsoll_request_seconds_bucket{operation="getThing",le="0.005"} 4
plimsoll_request_seconds_bucket{operation="getThing",le="0.02"} 4
plimsoll_request_seconds_bucket{operation="getThing",le="0.1"} 5
plimsoll_request_seconds_bucket{operation="getThing",le="0.5"} 5
plimsoll_request_seconds_bucket{operation="getThing",le="2"} 5
plimsoll_request_seconds_bucket{operation="getThing",le="10"} 5
plimsoll_request_seconds_bucket{operation="getThing",le="+Inf"} 6
plimsoll_request_seconds_sum{operation="getThing"} ${0.4 / 1000 + 1 / 1000 + 1.1 / 1000 + 0.03 + 60 + 0.0001}
plimsoll_request_seconds_count{operation="getThing"} 6
plimsoll_request_seconds_bucket{operation="listThings",le="0.001"} 0
plimsoll_request_seconds_bucket{operation="listThings",le="0.005"} 1
plimsoll_request_seconds_bucket{operation="listThings",le="0.02"} 1
plimsoll_request_seconds_bucket{operation="listThings",le="0.1"} 1
plimsoll_request_seconds_bucket{operation="listThings",le="0.5"} 1
plimsoll_request_seconds_bucket{operation="listThings",le="2"} 1
plimsoll_request_seconds_bucket{operation="listThings",le="10"} 1
plimsoll_request_seconds_bucket{operation="listThings",le="+Inf"} 1
plimsoll_request_seconds_sum{operation="listThings"} 0.003
plimsoll_request_seconds_count{operation="listThings"} 1
`);
});

test('one page shows them behind the figures of the process', async () => {
  const { deps, close } = await startFoundation(import.meta.file, []);
  observeAnswer(deps, 'getThing', 200, 1);
  const port = 30_000 + (process.pid % 20_000);
  const metrics = serveMetrics(deps, '127.0.0.1', port);
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await answer.text();
  await metrics.stop();
  await close();
  expect(answer.headers.get('content-type')).toStartWith('text/plain; version=0.0.4');
  expect(text).toContain('\nprocess_cpu_user_seconds_total ');
  expect(text).toContain('\nplimsoll_requests_total{operation="getThing",status="200"} 1\n');
});
