/** Messages of users that are refused, not delivered, or late. */
import type { SendMailOptions } from 'nodemailer'
import { EICAR, EICAR_NAME } from '../lab/clamd.js'
import { connectClient, type Reply } from '../lab/smtp-client.js'
import { describeFormalException } from '../pec/formal-exception.js'
import type { ErrorKind } from '../pec/kinds.js'
import { dateOf } from '../pec/moment.js'
import type { Act } from './act.js'
import type { ExpectedCertified } from './expectation.js'
import { send, type Sent } from './mail-client.js'
import type { DemoProvider } from './provider.js'
import {
  CLOSED,
  FULL,
  LIMITS,
  ORDINARY,
  RECIPIENT,
  SENDER,
  SILENT_RECIPIENT,
  TIME_LIMITS,
  UNKNOWN,
  type Setting,
} from './refusal-cast.js'
import { PASSWORD } from './stage.js'
import type { CertifiedLetter } from './verification.js'

const VIRUS = { filename: 'eicar.txt', content: EICAR, contentTransferEncoding: '7bit' } as const

/** Refused by the sender's own provider, with a notice. RFC 6109 §3.1.2, §3.1.3 */
export function refusedAtAccess(setting: Setting): readonly Act[] {
  const { a, b } = setting.stage
  return [
    {
      title: 'A message that is not as the rules want it: a blind copy, and a recipient who is named but not sent to',
      begin: async () => {
        const mail = { subject: 'Copia nascosta', to: [RECIPIENT, SILENT_RECIPIENT], text: 'Buongiorno.\n' }
        const sent = await submit(SENDER, { ...mail, envelope: { from: SENDER, to: [RECIPIENT, ORDINARY] } }, a, setting)
        const detail = [
          describeFormalException({ kind: 'recipient-not-in-header', address: ORDINARY }),
          describeFormalException({ kind: 'recipient-not-in-envelope', address: SILENT_RECIPIENT }),
        ].join('; ')
        return [about(sent, { kind: 'non-acceptance', inbox: SENDER, provider: a, error: 'other', detail })]
      },
    },
    {
      title: 'A message to too many recipients',
      begin: async () => {
        const count = LIMITS.ceiling
        const to = Array.from({ length: count }, (_, position) => `utente${position + 1}@${b.plan.domain}`)
        const sent = await submit(SENDER, { subject: 'A tutti', to, text: 'Buongiorno.\n' }, a, setting)
        const detail = describeFormalException({ kind: 'too-many-recipients', count, limit: LIMITS.recipients })
        return [about(sent, { kind: 'non-acceptance', inbox: SENDER, provider: a, error: 'other', detail })]
      },
    },
    {
      title: 'A virus, found when the message is sent',
      begin: async () => {
        const mail = { subject: 'Allegato infetto', to: [SENDER], text: 'In allegato un virus.\n', attachments: [VIRUS] }
        const sent = await submit(RECIPIENT, mail, b, setting)
        return [about(sent, { kind: 'non-acceptance', inbox: RECIPIENT, provider: b, error: 'virus', detail: EICAR_NAME })]
      },
    },
  ]
}

/** What is beyond the ceilings gets no notice: the mail program is told. RFC 6109 §3.1.2 */
export function refusedInSession({ stage: { a, authority }, timeline }: Setting): Act {
  return {
    title: 'Far too large, and far too many recipients: refused in the SMTP session, without a notice',
    begin: async () => {
      const client = await connectClient({ port: a.plan.ports.submission, implicitTls: true, ca: authority.certificate })
      const ask = async (command: string, code: number): Promise<Reply> => {
        const reply = await client.command(command)
        if (reply.code !== code) throw new Error(`${a.plan.name} said ${reply.code} ${reply.lines.join(' ')} to ${command}`)
        return reply
      }
      const tell = (command: string, { code, lines }: Reply): void =>
        timeline.tell(new Date(), `${SENDER}: ${command}`, `${a.plan.name}: ${code} ${lines.join(' ')}`)
      await client.ehlo()
      await client.authPlain(SENDER, PASSWORD)
      const large = `MAIL FROM:<${SENDER}> SIZE=${LIMITS.bytes + 1}`
      tell(large, await ask(large, 552))
      await ask(`MAIL FROM:<${SENDER}>`, 250)
      for (let position = 1; position <= LIMITS.ceiling; position++)
        await ask(`RCPT TO:<utente${position}@${a.plan.domain}>`, 250)
      const last = `RCPT TO:<utente${LIMITS.ceiling + 1}@${a.plan.domain}>`
      tell(`${last}, after ${LIMITS.ceiling} others`, await ask(last, 452))
      await client.quit()
      return []
    },
  }
}

/** Taken in charge, and refused by the mailboxes: the codes of AgID's note 12. RFC 6109 §3.3.3 */
export function undeliverable(setting: Setting): Act {
  const { a, b } = setting.stage
  return {
    title: 'Three mailboxes that cannot take a message: nobody has it, it is closed, it is full',
    begin: async () => {
      const recipients = [UNKNOWN, CLOSED, FULL]
      const mail = { subject: 'Convocazione', to: recipients, text: 'Alle nove.\n' }
      const sent = await submit(SENDER, mail, a, setting)
      const notice = { kind: 'non-delivery', inbox: SENDER, provider: b } as const
      const detail = (code: string, text: string): string => `${code} - ${b.plan.name} - ${text}`
      return [
        about(sent, { kind: 'acceptance', inbox: SENDER, provider: a }),
        chargeFor(sent, recipients, setting),
        about(sent, {
          ...{ ...notice, about: UNKNOWN, error: 'no-recipient' },
          detail: detail('5.1.1', 'indirizzo non valido'),
        }),
        about(sent, { ...{ ...notice, about: CLOSED, error: 'other' }, detail: detail('5.2.1', 'casella disabilitata') }),
        about(sent, { ...{ ...notice, about: FULL, error: 'other' }, detail: detail('5.2.2', 'casella piena') }),
      ]
    },
  }
}

/** One provider tells the other, and that one its user. RFC 6109 §3.2.3, §3.2.4 */
export function virusAtPeer(setting: Setting): Act {
  const { a, b } = setting.stage
  return {
    title: "A virus that the sender's provider has not found, and the recipient's finds",
    begin: async () => {
      const mail = { subject: 'Allegato infetto', to: [RECIPIENT], text: 'In allegato un virus.\n', attachments: [VIRUS] }
      const sent = await submit(SENDER, mail, a, setting)
      const virus = { about: RECIPIENT, error: 'virus', detail: EICAR_NAME } as const
      return [
        about(sent, { kind: 'acceptance', inbox: SENDER, provider: a }),
        chargeFor(sent, [RECIPIENT], setting),
        about(sent, { kind: 'virus-detection', inbox: a.receipts, provider: b, ...virus }),
        about(sent, { kind: 'non-delivery', inbox: SENDER, provider: a, ...virus }),
      ]
    },
  }
}

/** Nobody takes it in charge, and nobody delivers it. RFC 6109 §3.1.6 */
export function timeLimits(setting: Setting): Act {
  const { b } = setting.stage
  const { first, second } = TIME_LIMITS
  return {
    title: `A provider that never answers: the notices of 12 hours (here ${first} s) and of 24 hours (here ${second} s)`,
    begin: async () => {
      const sent = await submit(RECIPIENT, { subject: 'Urgente', to: [SILENT_RECIPIENT], text: 'A presto.\n' }, b, setting)
      const late = { kind: 'time-limit', inbox: RECIPIENT, provider: b, about: SILENT_RECIPIENT } as const
      const detail = `5.4.1 - ${b.plan.name} - il messaggio non è stato consegnato nelle 24 ore successive all'invio`
      return [
        about(sent, { kind: 'acceptance', inbox: RECIPIENT, provider: b }),
        about(sent, { kind: 'transport', inbox: SILENT_RECIPIENT, provider: b }),
        after(first, sent, about(sent, late)),
        after(second, sent, about(sent, { ...late, error: 'other', detail })),
      ]
    },
  }
}

interface Mail extends Omit<SendMailOptions, 'to'> {
  readonly subject: string
  readonly to: readonly string[]
}

interface Submitted extends Sent {
  readonly subject: string
}

async function submit(user: string, mail: Mail, provider: DemoProvider, { stage, timeline }: Setting): Promise<Submitted> {
  timeline.tell(new Date(), `${user} sends "${mail.subject}" to ${mail.to.join(', ')}`)
  const sent = await send(user, { ...mail, to: [...mail.to] }, provider, stage.authority)
  timeline.tell(sent.acceptedAt, `${provider.plan.name}: ${sent.response}`)
  return { ...sent, subject: mail.subject }
}

interface Certified {
  readonly kind: ExpectedCertified['kind']
  readonly inbox: string
  readonly provider: DemoProvider
  readonly about?: string
  /** None, if left out. */
  readonly error?: ErrorKind
  readonly detail?: string
}

/** What must arrive about a message, and what it must say. */
function about(
  sent: Submitted,
  { kind, inbox, provider, about: recipient, error = 'none', detail }: Certified,
): ExpectedCertified {
  const same = ({ data }: CertifiedLetter): string[] => [
    ...(sent.response.includes(data.identifier) ? [] : [`the identifier is ${data.identifier}`]),
    ...(data.clientMessageId === sent.messageId ? [] : [`the client's Message-ID is ${data.clientMessageId ?? 'missing'}`]),
    ...(data.subject === sent.subject ? [] : [`the subject is ${data.subject ?? 'missing'}`]),
    ...(data.error === error ? [] : [`the error is ${data.error}, not ${error}`]),
    ...(data.errorDetail === detail ? [] : [`it says ${data.errorDetail ?? 'nothing'}, not ${detail ?? 'nothing'}`]),
  ]
  const expected = {
    kind,
    inbox,
    provider: provider.plan.name,
    faults: (letter: CertifiedLetter) => Promise.resolve(same(letter)),
  }
  return recipient === undefined ? expected : { ...expected, about: recipient }
}

function chargeFor(sent: Submitted, recipients: readonly string[], { stage: { a, b } }: Setting): ExpectedCertified {
  const charge = about(sent, { kind: 'take-charge', inbox: a.receipts, provider: b })
  const wrong = ({ data }: CertifiedLetter): boolean => [...data.takenInCharge].sort().join() !== [...recipients].sort().join()
  return {
    ...charge,
    faults: async (letter) => [
      ...(await charge.faults(letter)),
      ...(wrong(letter) ? [`it is about ${letter.data.takenInCharge.join(', ')}`] : []),
    ],
  }
}

/** It must not be given earlier than so many seconds after the acceptance. */
function after(seconds: number, { acceptedAt }: Sent, expected: ExpectedCertified): ExpectedCertified {
  const earliest = acceptedAt.getTime() + seconds * 1000 - TOLERANCE
  return {
    ...expected,
    faults: async (letter) => [
      ...(await expected.faults(letter)),
      ...((dateOf(letter.data)?.getTime() ?? 0) < earliest ? [`it was given before ${seconds} s were over`] : []),
    ],
  }
}

/** Milliseconds: certified times are whole seconds, and an acceptance is a little before the reply that tells of it. */
const TOLERANCE = 2_000
