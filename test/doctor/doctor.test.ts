// An instance that pec init has made, with the services that it needs, looked at whole; then one thing after the other is broken.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { readInstance } from '../../src/cli/instance.js'
import { setKeys, type Values } from '../../src/cli/settings.js'
import { addMailbox, setState } from '../../src/directory/directory-edit.js'
import { examineInstallation } from '../../src/doctor/doctor.js'
import type { Finding } from '../../src/doctor/examination.js'
import type { Names } from '../../src/doctor/names.js'
import { startScriptedClamd, type ScriptedClamd } from '../../src/lab/clamd.js'
import { startSink, type Sink } from '../../src/lab/sink.js'
import { startTsa, type Tsa } from '../harness/tsa.js'

const PROGRAM = join(__dirname, '..', '..', 'dist', 'src', 'cli', 'pec.js')
const run = promisify(execFile)
const KNOWN: Names = {
  mx: () => Promise.resolve([{ exchange: 'mail.pec-a.test' }]),
  addresses: () => Promise.resolve(['192.0.2.1']),
}
const UNKNOWN: Names = { ...KNOWN, mx: () => Promise.reject(new Error('ENOTFOUND')) }

let folder: string
let instance: string
let clamd: ScriptedClamd
let store: Sink
let smarthost: Sink
let tsa: Tsa
const closings: (() => unknown)[] = []

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pec-doctor-'))
  instance = join(folder, 'a')
  clamd = await startScriptedClamd()
  store = await startSink({ protocol: 'lmtp' })
  smarthost = await startSink({ protocol: 'smtp' })
  await mkdir(join(folder, 'tsa'))
  tsa = await startTsa(join(folder, 'tsa'), (closing) => closings.push(closing))
  const names = ['--name', 'Provider A', '--domain', 'pec-a.test', '--antivirus', `127.0.0.1:${clamd.port}`]
  await run(process.execPath, [PROGRAM, 'init', instance, ...names])
  await writeFile(join(instance, 'config', 'verifica.password'), 'segretissima\n', { mode: 0o600 })
  await addMailbox(join(instance, 'directory.json'), { address: 'verifica@pec-a.test', password: 'segretissima' })
  await settings({
    interoperability: { mailbox: 'verifica@pec-a.test', password_file: 'config/verifica.password', to: 'ugo@pec-a.test' },
    timestamp: { urls: tsa.url, anchors: tsa.anchorsFile },
    store: { embedded: 'false', lmtp: `127.0.0.1:${store.port}` },
    alarms: {
      ...{ mail_to: 'ops@x.test', mail_from: 'pec@x.test', smarthost: `127.0.0.1:${smarthost.port}`, tls: 'optional' },
      disk: '1',
    },
  })
})
after(async () => {
  await Promise.all([clamd.close(), store.close(), smarthost.close(), ...closings.map((closing) => closing())])
  await rm(folder, { recursive: true })
})

const settings = (values: Values, directory = instance): Promise<void> => setKeys(join(directory, 'config', 'pec.ini'), values)

/** What is wrong, by name. */
async function wrong(names = KNOWN, directory = instance): Promise<Map<string, Finding>> {
  // Open files are the machine's matter.
  const findings = await examineInstallation(readInstance(directory), names, ['open-files'])
  assert.ok(findings.length > 10)
  return new Map(findings.filter(({ ok }) => !ok).map((finding) => [finding.what, finding]))
}

test('a sound instance has nothing wrong', async () => {
  assert.deepEqual([...(await wrong()).values()], [])
})

test('what is wrong is named, with what to do, and nothing else is', async () => {
  // Haraka's reader remembers what it has read of the other.
  const broken = join(folder, 'broken')
  await cp(instance, broken, { recursive: true })
  const config = (name: string): string => join(broken, 'config', name)
  await chmod(config('pec_key.pem'), 0o640)
  await utimes(config('pec_index.ldif'), new Date(0), new Date(0))
  await writeFile(config('me'), 'mx.other.test\n')
  await setState(join(broken, 'directory.json'), 'verifica@pec-a.test', 'suspended')
  await chmod(config('verifica.password'), 0o644)
  await settings({ interoperability: { to: 'ugo@pec-b.test' } }, broken)
  await settings({ client_certificates: { login: 'required', authorities: 'config/pec_anchors.pem' } }, broken)
  await setKeys(config('tls.ini'), { main: { requestCert: 'true' } })
  await settings({ spam: { enabled: 'true' }, signer: { warn_days: '99999' }, alarms: { disk: String(2 ** 52) } }, broken)
  await setKeys(config('rspamd.ini'), { main: { port: '1' } })
  await setKeys(config('connection.ini'), { headers: { add_received: 'true' } })
  await Promise.all([clamd.close(), store.close(), smarthost.close(), tsa.away()])
  const findings = await wrong(UNKNOWN, broken)
  for (const [what, seen] of [
    ['secrets', /pec_key\.pem may be read by others \(mode 640\)[^]*verifica\.password may be read by others \(mode 644\)/],
    [
      'service-mailboxes',
      /verifica@pec-a\.test is suspended[^]*which shows none, is not in exempt[^]*the domain of ugo@pec-b\.test is in no record of the index/,
    ],
    ['index', /is \d+ hours old/],
    ['tls', /the TLS certificate is not for mx\.other\.test/],
    ['dns', /pec-a\.test has no MX record: ENOTFOUND/],
    ['spam-filter', /ECONNREFUSED/],
    ['certificates', /our signing certificate expires in \d+ days.*our TLS certificate expires/],
    ['antivirus', /clamd/],
    ['store', /the mailbox store cannot be reached/],
    ['alarms', /ECONNREFUSED/],
    ['time-stamps', /127\.0\.0\.1:\d+\/tsa: .*ECONNREFUSED/],
    ['haraka', /^connection\.ini: \[headers\] add_received must be false/],
    ['disk', /has room for \d+ MiB only/],
  ] as const) {
    assert.match(findings.get(what)?.seen ?? 'ok', seen, what)
    assert.ok((findings.get(what)?.advice ?? '') !== '', what)
    findings.delete(what)
  }
  // Group-readable keys are refused by the start, too.
  findings.delete('provider')
  assert.deepEqual([...findings.values()], [])
})

test('pec doctor tells in words or JSON, and by its exit status', async () => {
  const other = join(folder, 'b')
  await run(process.execPath, [PROGRAM, 'init', other, '--name', 'Provider B', '--domain', 'pec-b.test'])
  const skipped = ['--skip', 'dns', 'disk', 'open-files']
  const { stdout } = await run(process.execPath, [PROGRAM, 'doctor', other, ...skipped])
  assert.match(stdout, /^ok {4}antivirus {5}.*\n[^]*^Everything is in order\.\n$/m)
  await rm(join(other, 'config', 'pec_index.ldif'))
  const failed = await run(process.execPath, [PROGRAM, 'doctor', other, '--json', ...skipped]).catch((error: unknown) => error)
  const { code, stdout: json } = failed as { readonly code: number; readonly stdout: string }
  assert.equal(code, 1)
  const faults = (JSON.parse(json) as Finding[]).filter(({ ok }) => !ok).map(({ what }) => what)
  assert.deepEqual(faults, ['provider', 'index'])
})
