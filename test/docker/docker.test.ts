// There is no Docker engine where the tests run: the files are held against each other, and what the containers do is done without them.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { readInstance } from '../../src/cli/instance.js'
import { takesConnections } from '../../src/lab/instance.js'
import { freePort } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'
import { readIndex } from '../../src/providers/provider-index.js'

const ROOT = join(__dirname, '..', '..')
const DOCKER = join(ROOT, 'docker')
const run = promisify(execFile)

interface Service {
  readonly image?: string
  readonly build?: { readonly target?: string; readonly dockerfile?: string }
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly healthcheck?: unknown
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const compose = parse(readFileSync(join(DOCKER, 'compose.yaml'), 'utf8'), { merge: true }) as Compose
const dockerfile = readFileSync(join(DOCKER, 'Dockerfile'), 'utf8')
const targets = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name ?? '')
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pec-docker-'))
})
after(() => rm(folder, { recursive: true }))

test('every service is built here or has an image of a pinned version, and says when it is healthy', () => {
  for (const [name, { image, build, healthcheck }] of Object.entries(compose.services)) {
    if (build === undefined) assert.match(image ?? '', /:\d+\.\d+$/, name)
    else assert.ok(targets.includes(build.target ?? ''), `${name}: ${build.target ?? 'no target'}`)
    const stage = dockerfile.split(/^FROM /m).find((text) => text.split('\n')[0]?.endsWith(` AS ${build?.target ?? ''}`))
    assert.ok(healthcheck !== undefined || stage?.includes('HEALTHCHECK') === true, `${name} has no health check`)
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

test('the gateway runs as nobody who matters, and its native modules are compiled', () => {
  assert.match(dockerfile, /^USER pec$/m)
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
  for (const name of ['better-sqlite3', 'pkcs11js']) {
    assert.ok(name in dependencies)
    assert.match(dockerfile, new RegExp(`npm rebuild .*\\b${name}\\b`))
  }
})

test('the two providers of the trial are made with what they need of each other', async () => {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await symlink(join(ROOT, 'dist', 'src', 'cli', 'pec.js'), join(bin, 'pec'))
  const secrets = join(folder, 'secrets')
  await mkdir(secrets)
  for (const name of Object.keys(compose.secrets)) await writeFile(join(secrets, name), `secret-of-${name}\n`)
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  const environment = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, A_DIR: a, B_DIR: b, SECRETS_DIR: secrets }
  const prepare = () => run('sh', [join(DOCKER, 'demo', 'prepare.sh')], { env: environment })
  await prepare()
  await run(process.execPath, [join(bin, 'pec'), 'check-config', b])
  const config = readInstance(a)
  assert.deepEqual([config.ledger.engine, config.directory.engine, config.store.embedded], ['mysql', 'ldap', false])
  assert.equal((await stat(join(a, 'config', 'mariadb_password'))).mode & 0o777, 0o600)
  for (const directory of [a, b]) {
    const { index } = readIndex(readFileSync(readInstance(directory).index.file))
    for (const domain of ['pec-a.test', 'pec-b.test']) assert.ok(index.byDomain(domain) !== undefined, domain)
  }
  assert.match((await prepare()).stdout, /there already/)
})

test('the time-stamping authority of the trial stamps what openssl verifies', async () => {
  const [directory, port] = [join(folder, 'tsa'), await freePort()]
  const env = { ...process.env, TSA_DIR: directory, TSA_PORT: String(port), TSA_HOST: '127.0.0.1' }
  const server = spawn(process.execPath, [join(DOCKER, 'tsa', 'server.mjs')], { env, stdio: 'ignore' })
  try {
    await within(30_000, 'no time-stamping authority', () => takesConnections(port))
    const url = `http://127.0.0.1:${port}/`
    assert.equal((await fetch(url)).status, 405)
    const place = (name: string): string => join(folder, name)
    await writeFile(place('data'), 'what is stamped')
    await run('openssl', ['ts', '-query', '-data', place('data'), '-sha256', '-cert', '-out', place('query')])
    const answers = await Promise.all([1, 2].map(() => fetch(url, { method: 'POST', body: readFileSync(place('query')) })))
    for (const answer of answers) {
      await writeFile(place('reply'), Buffer.from(await answer.arrayBuffer()))
      const anchors = join(directory, 'authority.pem')
      await run('openssl', ['ts', '-verify', '-queryfile', place('query'), '-in', place('reply'), '-CAfile', anchors])
    }
  } finally {
    server.kill()
  }
})
