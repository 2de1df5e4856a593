/** What comes in from elsewhere and is not certified goes to its recipient in an anomaly envelope that says why. RFC 6109 §3.2.2 */
import { connectClient } from '../lab/smtp-client.js'
import { readAll } from '../mail/source.js'
import { formalFault } from '../pec/formal-faults.js'
import { originFault } from '../pec/origin-faults.js'
import type { Act } from './act.js'
import type { ExpectedAnomaly } from './expectation.js'
import { write } from './mail-client.js'
import { ORDINARY, RECIPIENT, SILENT_RECIPIENT, type Setting } from './refusal-cast.js'

const DRAFT = { from: SILENT_RECIPIENT, to: RECIPIENT, subject: 'Preventivo', text: 'Il prezzo totale: 100 euro.\n' } as const

export function anomalies(setting: Setting): readonly Act[] {
  const { c } = setting
  return [
    {
      title: 'Ordinary mail',
      begin: async () => {
        const mail = { subject: 'Saluti', to: RECIPIENT, text: 'Ciao.\n' }
        const { message } = await write(ORDINARY, mail)
        return bring(
          { what: 'mail that nobody has signed', from: ORDINARY, message, reason: originFault('unsigned').italian },
          setting,
        )
      },
    },
    {
      title: 'A certified message that was altered on its way: it counts as ordinary mail',
      begin: async () => {
        const message = altered(await c.envelope(DRAFT), '100 euro', '900 euro')
        const what = `an envelope of ${c.name}, in which "100 euro" became "900 euro" after it was signed`
        return bring({ what, from: SILENT_RECIPIENT, message, reason: originFault('signature-invalid').italian }, setting)
      },
    },
    {
      title: 'A message that a provider has signed, but that is not as it should be',
      begin: async () => {
        const message = await c.envelopeWithoutData(DRAFT)
        const what = `an envelope of ${c.name}, with a signature that holds and without certification data`
        return bring({ what, from: SILENT_RECIPIENT, message, reason: formalFault('no-certification').italian }, setting)
      },
    },
  ]
}

/** The same length, so that nothing but the signature can tell. */
function altered(message: Buffer, from: string, to: string): Buffer {
  const at = message.indexOf(from)
  if (at === -1) throw new Error(`${JSON.stringify(from)} is not in the message`)
  const copy = Buffer.from(message)
  copy.write(to, at)
  return copy
}

interface Strange {
  /** For the reader of the demonstration. */
  readonly what: string
  readonly from: string
  readonly message: Buffer
  /** What the anomaly envelope must say. */
  readonly reason: string
}

/** Brings a message to Provider B, as any host does. */
async function bring({ what, from, message, reason }: Strange, { stage, timeline }: Setting): Promise<[ExpectedAnomaly]> {
  const { b, authority } = stage
  timeline.tell(new Date(), `${from} sends ${RECIPIENT} ${what}`)
  const client = await connectClient({ port: b.plan.ports.mx, ca: authority.certificate })
  await client.ehlo()
  await client.startTls()
  await client.ehlo()
  const { dot } = await client.send({ from, to: [RECIPIENT] }, message)
  await client.quit()
  if (dot?.code !== 250) throw new Error(`${b.plan.name} did not take it: ${dot?.lines.join(' ') ?? 'no recipient'}`)
  timeline.tell(new Date(), `${b.plan.name}: ${dot.code} ${dot.lines.join(' ')}`)
  return [
    {
      kind: 'anomaly',
      inbox: RECIPIENT,
      provider: b.plan.name,
      faults: async (letter) => [
        ...(letter.reason === reason ? [] : [`it says ${JSON.stringify(letter.reason)}, not ${JSON.stringify(reason)}`]),
        ...(letter.original !== undefined && (await readAll(letter.original)).equals(message)
          ? []
          : ['the message in it is not what came in']),
      ],
    },
  ]
}
