import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toJson, toText, type Cell, type Findings } from '../../src/bench/report.js'

function cell(system: Cell['system'], size: string, workers: number, cpuOfRounds: readonly number[]): Cell {
  const latencies = { accepted: { p50: 1, p99: 2 } }
  return { system, size, workers, figures: { messagesPerSecond: 100, cpuMsPerMessage: 3, cpuOfRounds, peakMb: 200, latencies } }
}

const findings: Findings = {
  quick: true,
  cells: [cell('plain', '20k', 1, [2, 4, 3]), cell('gateway', '20k', 1, [10, 16, 18]), cell('gateway', '1m', 2, [9])],
  cryptography: { rawRsaMs: 0.3, signatureMs: 0.4, verificationMs: 0.12345, signatureOverRawRsa: 1.4 },
  tokens: { filePerSecond: 4000, tokenPerSecond: 1600, tokenOverFile: 0.4 },
  memory: { plain: { peakMb: 200, idleMb: 150 }, gateway: { peakMb: 280, idleMb: 170 } },
  manyRecipients: { recipients: 500, envelopes: 1, cpuMs: 90, elapsedMs: 400 },
}

test('the figures have the names that the targets are written in', () => {
  const json = toJson(findings)
  assert.equal(json['signatureOverRawRsa'], 1.4)
  assert.equal(json['verifyCpuMs'], 0.123)
  assert.equal(json['tokenSignaturesOverFile'], 0.4)
  assert.equal(json['cpuOverPlainHop20k'], 5, 'the median of the ratios round by round')
  assert.equal(json['memory30mOverPlainMb'], 80)
  assert.equal(json['envelopesTo500Recipients'], 1)
  assert.deepEqual(json['messagesPerSecond'], { 'plain-20k-1': 100, '20k-1': 100, '1m-2': 100 })
})

test('what was not measured is missing, not zero', () => {
  const json = toJson({
    ...findings,
    cells: [],
    cryptography: undefined,
    tokens: undefined,
    memory: {},
    manyRecipients: undefined,
  })
  for (const key of [
    'signatureOverRawRsa',
    'tokenSignaturesOverFile',
    'verifyCpuMs',
    'cpuOverPlainHop20k',
    'cpuOverPlainHop1m',
    'memory30mOverPlainMb',
  ]) {
    assert.equal(json[key], undefined)
  }
})

test('the text has a line for every measurement', () => {
  const text = toText(findings)
  for (const pattern of [
    /plain +20k +1 +100 /,
    /gateway +1m +2 +100 /,
    /20k, 1 worker: 5$/m,
    /1\.4 times raw/,
    /token 1600 \(0\.4 times\)/,
    /500 recipients .* 1 envelope/,
  ]) {
    assert.match(text, pattern)
  }
})
