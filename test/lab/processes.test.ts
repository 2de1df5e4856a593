import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resetPeaks } from '../../src/lab/processes.js'
import { Laboratory } from '../harness/laboratory.js'

function running(program: string): readonly string[] {
  return [process.execPath, '-e', program]
}

test('counts the CPU time of children, those that ended included', async (t) => {
  const burn =
    "const used = () => Object.values(process.cpuUsage()).reduce((a, b) => a + b); while (used() < 300e3); process.stdout.write('burnt\\n')"
  const program = `
    const { spawn } = require('child_process')
    const burn = ${JSON.stringify(burn)}
    spawn(process.execPath, ['-e', burn], { stdio: 'inherit' }).on('exit', () => {
      spawn(process.execPath, ['-e', burn + ";setInterval(() => {}, 1000)"], { stdio: 'inherit' })
    })`
  const instance = await new Laboratory(t).instance({
    directory: '/',
    ports: [],
    readyLines: [/burnt\s+burnt/],
    command: running(program),
  })
  const { processes, cpuMs } = instance.consumption()
  assert.equal(processes, 2)
  assert.ok(cpuMs >= 580 && cpuMs < 3000, `${cpuMs} ms for twice 300 ms and some of three starts of node`)
})

test('keeps the peak of memory until it is reset', async (t) => {
  const program = "let held = Buffer.alloc(200e6, 1); held = null; gc(); console.log('freed'); setInterval(() => {}, 1000)"
  const command = [process.execPath, '--expose-gc', '-e', program]
  const instance = await new Laboratory(t).instance({ directory: '/', ports: [], readyLines: [/freed/], command })
  assert.ok(instance.consumption().peakMb > 200)
  resetPeaks(instance.pid)
  assert.ok(instance.consumption().peakMb < 150)
})
