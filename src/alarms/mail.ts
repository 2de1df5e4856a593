/** Alarms by ordinary mail, straight to a smarthost: a gateway in trouble could not carry them itself. */
import type { AlarmMail } from '../config/alarms.js'
import { CHANNEL_TIMEOUT_MS, type Channel } from './channel.js'
import type { Alarm } from './node-troubles.js'

/** Rejects if the smarthost is not there, or has not the TLS that is asked for. */
export async function proveSmarthost(mail: AlarmMail): Promise<void> {
  await (await transportTo(mail)).verify()
}

/** What sends mail is in memory only once there is an alarm. */
async function transportTo({ smarthost, tls }: AlarmMail) {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    ...{ host: smarthost.host, port: smarthost.port, secure: false },
    ...(tls === 'optional' ? { opportunisticTLS: true } : { requireTLS: true }),
    tls: { rejectUnauthorized: tls === 'verified' },
    ...{ connectionTimeout: CHANNEL_TIMEOUT_MS, greetingTimeout: CHANNEL_TIMEOUT_MS, socketTimeout: CHANNEL_TIMEOUT_MS },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  })
}

/** `node` is this server's name. */
export function mailChannel(mail: AlarmMail, node: string): Channel {
  const { to, from, smarthost } = mail
  return {
    name: `mail by ${smarthost.host}:${smarthost.port}`,
    async send(alarm) {
      const headers = { 'Auto-Submitted': 'auto-generated' }
      const transport = await transportTo(mail)
      await transport.sendMail({ from, to: [...to], date: new Date(), headers, ...wordsOf(alarm, node) })
    },
  }
}

function wordsOf(
  { state, part, code, reason, since, at }: Alarm,
  node: string,
): { readonly subject: string; readonly text: string } {
  const facts = [
    `Server:  ${node}`,
    `Part:    ${part}`,
    `Since:   ${since.toISOString()}`,
    ...(state === 'solved' ? [`Until:   ${at.toISOString()}`] : []),
    `Kind:    ${code}`,
    `Reason:  ${reason}`,
  ]
  const [subject, first, last] =
    state === 'failing'
      ? [
          `[PEC] ${node}: ${part} fails`,
          `The part "${part}" of the PEC gateway does not work.`,
          'Another mail says when it is solved.',
        ]
      : [
          `[PEC] ${node}: ${part} is solved`,
          `The part "${part}" of the PEC gateway works again.`,
          'The reason is that of the last failure.',
        ]
  return { subject, text: [first, '', ...facts, '', last, ''].join('\n') }
}
