// Alert rules, scrape configuration and dashboard: loaded by Prometheus's own tool, and held against the figures that there are.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Registry } from 'prom-client'
import { parse } from 'yaml'
import { addNodeGauges } from '../../src/metrics/node-gauges.js'
import { newServiceMetrics } from '../../src/metrics/service-metrics.js'

const DOCKER = join(__dirname, '..', '..', 'docker')
const run = promisify(execFile)

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
}

interface Panel {
  readonly id: number
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

const rules = (parse(readFileSync(join(DOCKER, 'prometheus', 'pec.rules.yml'), 'utf8')) as Rules).groups.flatMap(
  (group) => group.rules,
)
const { panels } = JSON.parse(readFileSync(join(DOCKER, 'grafana', 'pec.json'), 'utf8')) as { readonly panels: readonly Panel[] }
const registry = registered()

function registered(): Registry {
  const { registry } = newServiceMetrics()
  addNodeGauges(registry, {
    queue: '/nowhere',
    ledger: { openRecipients: () => Promise.resolve([]) },
    issuer: { signer: { certificate: Buffer.alloc(0) } },
    index: { age: 0 },
    crls: { state: () => [] },
    clock: () => new Date(),
    days: { daysIn: () => Promise.resolve([]) },
    drift: () => undefined,
  })
  return registry
}

/** The figures that an expression reads, without those that Prometheus makes of a histogram. */
function figuresIn(expression: string): string[] {
  const names = expression.match(/\b(?:pec|nodejs|process)_\w+/g) ?? []
  return names.map((name) => name.replace(/_(?:bucket|sum|count)$/, ''))
}

test('the rules fire when they should, and only then', { timeout: 60_000 }, async () => {
  const promtool = (...args: readonly string[]) => run('promtool', args, { cwd: join(DOCKER, 'prometheus') })
  await promtool('check', 'config', 'prometheus.yml')
  await promtool('test', 'rules', 'pec.rules.test.yml')
})

test('every rule is tested', () => {
  const tests = readFileSync(join(DOCKER, 'prometheus', 'pec.rules.test.yml'), 'utf8')
  for (const { alert } of rules) assert.match(tests, new RegExp(`alertname(?:: |=")${alert}\\b`))
})

test('rules and dashboard read only figures that there are', () => {
  const read = [...rules, ...panels.flatMap(({ targets = [] }) => targets)].flatMap(({ expr }) => figuresIn(expr))
  for (const name of new Set(read)) assert.ok(registry.getSingleMetric(name) !== undefined, `there is no ${name}`)
})

test('the dashboard shows every figure of ours', () => {
  const shown = new Set(panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => figuresIn(expr))))
  const ours = registry.getMetricsAsArray().map(({ name }) => name)
  assert.deepEqual(
    ours.filter((name) => name.startsWith('pec_') && !shown.has(name)),
    [],
  )
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
})
