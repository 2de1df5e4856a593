/** Debian's Dovecot, started for a test on a folder of its own, with the configuration of docker/dovecot. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../src/lab/ports.js'
import { takesConnections } from '../../src/lab/instance.js'
import { within } from '../../src/lab/within.js'
import { tlsIdentity, type TlsIdentity } from './certificates.js'

const isRoot = process.getuid?.() === 0

/** For the option `skip` of a test: Dovecot changes users, which only root may. */
export const dovecotIsMissing =
  isRoot && spawnSync('dovecot', ['--version']).status === 0
    ? false
    : 'needs root and dovecot: apt-get install dovecot-lmtpd dovecot-imapd dovecot-pop3d dovecot-ldap'

const CONFIGURATION = join(__dirname, '..', '..', 'docker', 'dovecot')
/** Debian's `mail`: an unprivileged user that is on every machine. */
const MAIL_ID = 8

export class TestDovecot {
  readonly ports: { readonly lmtp: number; readonly imaps: number; readonly pop3s: number }
  readonly tls: TlsIdentity
  private readonly folder: string
  private child: ChildProcess | undefined
  private readonly endWithUs = (): void => void this.child?.kill('SIGKILL')

  private constructor(folder: string, ports: TestDovecot['ports'], tls: TlsIdentity) {
    this.folder = folder
    this.ports = ports
    this.tls = tls
  }

  /** On the directory of this LDAP server, until `close`. */
  static async start(ldapUrl: string): Promise<TestDovecot> {
    const folder = await mkdtemp(join(tmpdir(), 'pec-dovecot-'))
    const [lmtp = 0, imaps = 0, pop3s = 0] = await freePorts(3)
    const server = new TestDovecot(folder, { lmtp, imaps, pop3s }, await tlsIdentity())
    await server.write(ldapUrl)
    process.once('exit', server.endWithUs)
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const child = spawn('dovecot', ['-F', '-c', join(this.folder, 'dovecot.conf')], { stdio: 'ignore' })
    this.child = child
    await within(30_000, 'dovecot is not ready', async () => {
      if (child.exitCode !== null) throw new Error(`dovecot ended with status ${child.exitCode}: ${await this.log()}`)
      return (await Promise.all(Object.values(this.ports).map(takesConnections))).every(Boolean)
    })
  }

  /** What it wrote, for a test that fails. */
  log(): Promise<string> {
    return readFile(join(this.folder, 'log'), 'utf8').catch(() => '')
  }

  async stop(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }

  async close(): Promise<void> {
    process.off('exit', this.endWithUs)
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** The files of docker/dovecot, with the paths and ports of this test in the place of those of a container. */
  private async write(ldapUrl: string): Promise<void> {
    const { folder, ports, tls } = this
    const place = (name: string): string => join(folder, name)
    for (const name of ['mailboxes', 'operators']) {
      const file = `${name}-ldap.conf.ext`
      const text = await readFile(join(CONFIGURATION, file), 'utf8')
      await writeFile(place(file), text.replace(/^uris = .*$/m, `uris = ${ldapUrl}`), { mode: 0o600 })
    }
    // Its processes for mail are that user's.
    await chmod(folder, 0o755)
    await mkdir(place('mail'))
    await chown(place('mail'), MAIL_ID, MAIL_ID)
    await writeFile(place('cert.pem'), tls.cert)
    await writeFile(place('key.pem'), tls.key, { mode: 0o600 })
    const local = [
      'listen = 127.0.0.1',
      `base_dir = ${place('run')}`,
      `state_dir = ${place('state')}`,
      `log_path = ${place('log')}`,
      `mail_home = ${place('mail')}/%d/%n`,
      `mail_uid = ${MAIL_ID}`,
      `mail_gid = ${MAIL_ID}`,
      `first_valid_uid = ${MAIL_ID}`,
      `service imap-login {\n  inet_listener imaps {\n    port = ${ports.imaps}\n  }\n}`,
      `service pop3-login {\n  inet_listener pop3s {\n    port = ${ports.pop3s}\n  }\n}`,
      `service lmtp {\n  inet_listener lmtp {\n    port = ${ports.lmtp}\n  }\n}`,
    ]
    await writeFile(place('local.conf'), `${local.join('\n')}\n`)
    const text = await readFile(join(CONFIGURATION, 'dovecot.conf'), 'utf8')
    await writeFile(
      place('dovecot.conf'),
      text.replaceAll('/etc/dovecot/tls/', '/etc/dovecot/').replaceAll('/etc/dovecot', folder),
    )
  }
}
