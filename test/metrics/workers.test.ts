import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { NodeFigures, type Told } from '../../src/metrics/workers.js'

/** The figures of a process that has taken so many messages, and has something wrong. */
function registryOf(messages: number): Registry {
  const registry = new Registry()
  const registers = [registry]
  new Counter({ name: 'pec_messages_total', help: 'x', labelNames: ['point'], registers }).inc({ point: 'access' }, messages)
  new Gauge({ name: 'pec_part_down', help: 'x', registers }).set(1)
  const answer = new Histogram({ name: 'pec_answer_seconds', help: 'x', buckets: [1], registers })
  for (let count = 0; count < messages; count++) answer.observe(0.5)
  new Counter({ name: 'process_cpu_seconds_total', help: 'x', registers }).inc(messages)
  return registry
}
const figuresOf = (messages: number) => registryOf(messages).getMetricsAsJSON()

/** Messages by counter and histogram, parts that do not work, seconds of CPU. */
function read(text: string): number[] {
  const names = ['pec_messages_total{point="access"}', 'pec_answer_seconds_count', 'pec_part_down', 'process_cpu_seconds_total']
  return names.map((name) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    ),
  )
}

test('what was counted stays counted: while a worker is silent, after it has gone, and when the master begins anew', async () => {
  let told: Told = new Map()
  const node = new NodeFigures(() => Promise.resolve(told))
  const own = registryOf(1)
  told = new Map([
    [1, await figuresOf(10)],
    [2, await figuresOf(100)],
  ])
  assert.deepEqual(read(await node.text(own)), [111, 111, 3, 111])
  told = new Map([
    [1, await figuresOf(20)],
    [2, undefined],
  ])
  assert.deepEqual(read(await node.text(own)), [121, 121, 2, 21], 'the second is silent')
  told = new Map([
    [1, await figuresOf(20)],
    [3, await figuresOf(5)],
  ])
  assert.deepEqual(read(await node.text(own)), [126, 126, 3, 26], 'the second has gone, and another is there')
  told = new Map([[3, await figuresOf(6)]])
  assert.deepEqual(read(await node.text(registryOf(2))), [129, 129, 2, 8], 'the first has gone, and the master counts anew')
  assert.deepEqual(read(await node.text(own)), [130, 130, 2, 7])
})
