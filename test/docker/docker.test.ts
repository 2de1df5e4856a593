// There is no Docker engine where the tests run: the files are held against each other, and what the containers do is done without them.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Client } from 'ldapts'
import { parse } from 'yaml'
import { freePort } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'
import { slapdIsMissing } from '../harness/slapd.js'
import { TrialTsa } from './trial-tsa.js'

const ROOT = join(__dirname, '..', '..')
const DOCKER = join(ROOT, 'docker')
const run = promisify(execFile)
const notRoot = process.getuid?.() === 0 ? false : 'needs root: the server changes users'

interface Service {
  readonly image?: string
  readonly build?: { readonly target?: string; readonly dockerfile?: string }
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly healthcheck?: unknown
  readonly ports?: readonly string[]
  readonly security_opt?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const compose = parse(readFileSync(join(DOCKER, 'compose.yaml'), 'utf8'), { merge: true }) as Compose
const dockerfile = readFileSync(join(DOCKER, 'Dockerfile'), 'utf8')
const targets = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name ?? '')
/** The part of the Dockerfile that builds an image. */
const stageOf = (target = ''): string | undefined =>
  dockerfile.split(/^FROM /m).find((text) => text.split('\n')[0]?.endsWith(` AS ${target}`))
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pec-docker-'))
})
after(() => rm(folder, { recursive: true }))

test('every service is built here or has an image of a pinned version, and says when it is healthy', () => {
  for (const [name, { image, build, healthcheck }] of Object.entries(compose.services)) {
    if (build === undefined) assert.match(image ?? '', /:\d+\.\d+$/, name)
    else assert.ok(targets.includes(build.target ?? ''), `${name}: ${build.target ?? 'no target'}`)
    assert.ok(
      healthcheck !== undefined || stageOf(build?.target)?.includes('HEALTHCHECK') === true,
      `${name} has no health check`,
    )
  }
})

test('whatever a service names is there', () => {
  for (const [name, { volumes = [], secrets = [], networks = [], depends_on = {} }] of Object.entries(compose.services)) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':')
      const there = source.startsWith('.') ? existsSync(join(DOCKER, source)) : source in compose.volumes
      assert.ok(there, `${name}: volume ${source}`)
    }
    for (const secret of secrets) assert.ok(secret in compose.secrets, `${name}: secret ${secret}`)
    const joined = Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks)
    for (const network of joined) assert.ok(network in compose.networks, `${name}: network ${network}`)
    for (const other of Object.keys(depends_on)) assert.ok(other in compose.services, `${name}: ${other}`)
  }
  for (const [, source = ''] of dockerfile.matchAll(/^COPY (docker\/\S+)/gm)) assert.ok(existsSync(join(ROOT, source)), source)
})

test('whose ports are for this machine is not on an internal network only, where Docker publishes none', () => {
  for (const [name, { networks = [], ports = [], security_opt = [] }] of Object.entries(compose.services)) {
    const joined = Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks)
    assert.ok(ports.length === 0 || joined.some((network) => compose.networks[network]?.internal !== true), name)
    assert.ok(security_opt.includes('no-new-privileges:true'), name)
  }
})

test('the systemd unit lets Node.js and Haraka do what they cannot do without', () => {
  const unit = readFileSync(join(DOCKER, 'systemd', 'pec.service'), 'utf8')
  // Memory protection keys, netlink for the addresses of interfaces, and a compiler that writes code.
  assert.match(unit, /^SystemCallFilter=.*@pkey/m)
  assert.match(unit, /^RestrictAddressFamilies=.*AF_NETLINK/m)
  assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=yes/m)
})

test('links in the documents lead somewhere', () => {
  const chapters = readdirSync(join(DOCKER, 'handbook')).map((name) => join('docker', 'handbook', name))
  for (const document of ['README.md', 'src/README.md', 'docker/README.md', ...chapters])
    for (const [, link = ''] of readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g))
      assert.ok(existsSync(join(ROOT, dirname(document), link)), `${document}: ${link}`)
})

test('who is not root owns the folders where a service mounts a volume to write to', () => {
  for (const [name, { build, volumes = [] }] of Object.entries(compose.services)) {
    const stage = stageOf(build?.target) ?? ''
    for (const volume of /^USER /m.test(stage) ? volumes : []) {
      const [, place = '', mode] = volume.split(':')
      const made = /install -d -o \S+ -g \S+ -m \d+ (.*)/.exec(stage)?.[1]?.split(' ') ?? []
      assert.ok(mode === 'ro' || made.includes(place), `${name}: ${place}`)
    }
  }
})

test('the image is built of all that the build reads', async () => {
  const place = join(folder, 'build')
  for (const [, sources = ''] of (stageOf('build') ?? '').matchAll(/^COPY (.+) \S+$/gm))
    for (const source of sources.split(' ')) await cp(join(ROOT, source), join(place, source), { recursive: true })
  await cp(join(ROOT, 'dist'), join(place, 'dist'), { recursive: true })
  await run(process.execPath, [join(place, 'dist', 'src', 'packaging.js')])
})

test('the gateway runs as nobody who matters, and its native modules are compiled', () => {
  assert.match(dockerfile, /^USER pec$/m)
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
  for (const name of ['better-sqlite3', 'pkcs11js']) {
    assert.ok(name in dependencies)
    assert.match(dockerfile, new RegExp(`npm rebuild .*\\b${name}\\b`))
  }
})

test('a trial that was broken off half-made is not taken for a whole one', async () => {
  const place = (name: string): string => join(folder, 'half', name)
  await mkdir(place('bin'), { recursive: true })
  await writeFile(place(join('bin', 'pec')), '#!/bin/sh\nmkdir -p "$2/config"\n[ "$2" = "$A_DIR" ]\n', { mode: 0o755 })
  const env = { PATH: `${place('bin')}:${process.env['PATH'] ?? ''}`, A_DIR: place('a'), B_DIR: place('b') }
  const prepare = () => run('sh', [join(DOCKER, 'demo', 'prepare.sh')], { env })
  await assert.rejects(prepare(), { code: 1, stderr: '' })
  await assert.rejects(prepare(), /has left half an instance: docker compose down --volumes/)
  await writeFile(join(place('a'), 'prepared'), '')
  assert.match((await prepare()).stdout, /are there already/)
})

test('the LDAP server of the trial starts as its container starts it', { skip: slapdIsMissing || notRoot }, async (t) => {
  const port = await freePort()
  const places = { '/etc/pec-ldap': 'etc', '/srv/ldap': 'srv', '/run/secrets': 'secrets', '/run/slapd': 'run' }
  const moved = (text: string): string =>
    Object.entries(places).reduce((result, [from, to]) => result.replaceAll(from, join(folder, to)), text)
  await chmod(folder, 0o755)
  for (const name of ['etc', 'srv', 'secrets']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'secrets', 'ldap_admin'), 'of-the-administrator')
  for (const name of readdirSync(join(DOCKER, 'openldap')))
    await writeFile(join(folder, 'etc', name), moved(readFileSync(join(DOCKER, 'openldap', name), 'utf8')))
  const start = readFileSync(join(folder, 'etc', 'start.sh'), 'utf8').replace('ldap:///', `ldap://127.0.0.1:${port}`)
  const child = spawn('sh', ['-c', start], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  const client = new Client({ url: `ldap://127.0.0.1:${port}`, timeout: 5000, connectTimeout: 5000 })
  await within(30_000, 'slapd takes no name', async () => {
    assert.equal(child.exitCode, null, 'slapd has ended')
    return client.bind('cn=admin,dc=pec', 'of-the-administrator').then(
      () => true,
      () => false,
    )
  })
  assert.equal((await client.search('ou=mailboxes,dc=pec', { scope: 'base' })).searchEntries.length, 1)
  await client.unbind()
})

test('the time-stamping authority of the trial stamps what openssl verifies', async () => {
  const tsa = await TrialTsa.start(join(folder, 'tsa'))
  try {
    const { url } = tsa
    assert.equal((await fetch(url)).status, 405)
    const place = (name: string): string => join(folder, name)
    await writeFile(place('data'), 'what is stamped')
    await run('openssl', ['ts', '-query', '-data', place('data'), '-sha256', '-cert', '-out', place('query')])
    const answers = await Promise.all([1, 2].map(() => fetch(url, { method: 'POST', body: readFileSync(place('query')) })))
    for (const answer of answers) {
      await writeFile(place('reply'), Buffer.from(await answer.arrayBuffer()))
      await run('openssl', ['ts', '-verify', '-queryfile', place('query'), '-in', place('reply'), '-CAfile', tsa.anchors])
    }
  } finally {
    tsa.stop()
  }
})
