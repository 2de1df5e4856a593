/** Debian's slapd, started for a test on a folder of its own, with the schemas of docker/openldap. */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'ldapts'
import { freePorts } from '../../src/lab/ports.js'
import { within } from '../../src/lab/within.js'

/** For the option `skip` of a test. */
export const slapdIsMissing =
  spawnSync('slapd', ['-VV']).error === undefined ? false : 'slapd is not installed: apt-get install slapd'

const SCHEMAS = ['core', 'cosine', 'inetorgperson'].map((name) => `/etc/ldap/schema/${name}.schema`)
const OURS = ['pec', 'postacert'].map((name) => join(__dirname, '..', '..', 'docker', 'openldap', `${name}.schema`))

export const ADMIN = 'cn=admin,dc=pec'
export const ADMIN_PASSWORD = 'admin-secret'

export interface SlapdOptions {
  /** Entries to begin with. */
  readonly ldif: string
  /** Entries of an index of providers below o=postacert, if it is to have one. */
  readonly postacert?: string
  /** PEM files of the server, for StartTLS and ldaps://. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  /** Whether the index may be read by those only who have bound, and over TLS. */
  readonly closedIndex?: boolean
}

export class TestSlapd {
  readonly port: number
  /** Undefined without TLS. */
  readonly tlsPort: number | undefined
  private readonly folder: string
  private child: ChildProcess | undefined
  private readonly endWithUs = (): void => void this.child?.kill('SIGKILL')

  private constructor(folder: string, port: number, tlsPort: number | undefined) {
    this.folder = folder
    this.port = port
    this.tlsPort = tlsPort
  }

  /** Until `close`. */
  static async start({ ldif, postacert, tls, closedIndex = false }: SlapdOptions): Promise<TestSlapd> {
    const folder = await mkdtemp(join(tmpdir(), 'pec-slapd-'))
    const [port = 0, tlsPort] = await freePorts(tls === undefined ? 1 : 2)
    const server = new TestSlapd(folder, port, tlsPort)
    await mkdir(join(folder, 'data'))
    const configuration = [
      ...[...SCHEMAS, ...OURS].map((path) => `include ${path}`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      ...(tls === undefined ? [] : [`TLSCertificateFile ${tls.certificate}`, `TLSCertificateKeyFile ${tls.key}`]),
      'database mdb',
      'suffix "dc=pec"',
      `rootdn "${ADMIN}"`,
      `rootpw ${ADMIN_PASSWORD}`,
      `directory ${join(folder, 'data')}`,
      'index objectClass,mail,pecAlias,uid eq',
      'access to attrs=userPassword by anonymous auth by * none',
      'access to * by * read',
    ]
    if (postacert !== undefined) configuration.push(...(await server.indexDatabase(closedIndex)))
    await writeFile(server.configuration, `${configuration.join('\n')}\n`)
    await writeFile(join(folder, 'first.ldif'), ldif)
    await promisify(execFile)('slapadd', ['-f', server.configuration, '-l', join(folder, 'first.ldif')])
    if (postacert !== undefined) {
      await writeFile(join(folder, 'index.ldif'), postacert)
      await promisify(execFile)('slapadd', ['-f', server.configuration, '-b', 'o=postacert', '-l', join(folder, 'index.ldif')])
    }
    process.once('exit', server.endWithUs)
    await server.start()
    return server
  }

  get url(): string {
    return `ldap://127.0.0.1:${this.port}`
  }

  /** ldaps:// */
  get secureUrl(): string {
    return `ldaps://127.0.0.1:${this.tlsPort ?? 0}`
  }

  async start(): Promise<void> {
    const urls = [this.url, ...(this.tlsPort === undefined ? [] : [this.secureUrl])].join(' ')
    const child = spawn('slapd', ['-f', this.configuration, '-h', urls, '-d', '0'], { stdio: 'ignore' })
    this.child = child
    await within(20_000, 'slapd is not ready', async () => {
      if (child.exitCode !== null) throw new Error(`slapd ended with status ${child.exitCode}`)
      return this.asAdmin(() => Promise.resolve()).then(
        () => true,
        () => false,
      )
    })
  }

  /** As an administrator changes it. */
  async asAdmin(change: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ url: this.url, timeout: 5000, connectTimeout: 5000 })
    try {
      await client.bind(ADMIN, ADMIN_PASSWORD)
      await change(client)
    } finally {
      await client.unbind()
    }
  }

  /** As a crash: SIGKILL. `start` brings it back, with what it knew. */
  async kill(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async close(): Promise<void> {
    process.off('exit', this.endWithUs)
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }

  private async indexDatabase(isClosed: boolean): Promise<string[]> {
    const directory = join(this.folder, 'index')
    await mkdir(directory)
    const others = isClosed ? 'by users ssf=128 read by * none' : 'by * read'
    const access = `access to * by dn.exact="${ADMIN}" write ${others}`
    return ['database mdb', 'suffix "o=postacert"', `directory ${directory}`, access]
  }

  private get configuration(): string {
    return join(this.folder, 'slapd.conf')
  }
}
