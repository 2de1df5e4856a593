import { TLS_POLICIES, type TlsPolicy } from './peers.js'
import { section } from './section.js'
import type { Values } from './values.js'

/** Who is told of trouble by mail. */
export interface AlarmMail {
  readonly to: readonly string[]
  readonly from: string
  /** Mail goes there, and never through the gateway's own queue. */
  readonly smarthost: { readonly host: string; readonly port: number }
  readonly tls: TlsPolicy
}

const KEYS = [
  ...(['mail_to', 'mail_from', 'smarthost', 'tls', 'webhook', 'minimum', 'settled', 'repeat'] as const),
  ...(['index_age', 'disk'] as const),
]

/** [alarms]: who is told of trouble, and when; times in seconds. */
export const alarms = section('alarms', KEYS, (values) => ({
  mail: alarmMail(values),
  webhook: webhook(values),
  minimum: values.number('minimum', 60, 0),
  settled: values.number('settled', 300, 0),
  repeat: values.number('repeat', 86_400, 0),
  /** The age from which on the index of providers is trouble; 0 for never. */
  indexAge: values.number('index_age', 172_800, 0),
  /** Bytes. */
  disk: values.number('disk', 1_073_741_824, 0),
}))

type Alarms = Values<(typeof KEYS)[number]>

function alarmMail(values: Alarms): AlarmMail | undefined {
  const to = values.list('mail_to')
  const tls = values.oneOf('tls', TLS_POLICIES, 'required')
  if (to.length === 0) return undefined
  const from = values.text('mail_from')
  for (const address of [...to, from])
    if (address !== '' && !/^[^\s@<>,]+@[^\s@<>,]+$/.test(address)) values.fault(`${address} is not a mail address`)
  const smarthost = values.endpoint('smarthost', '127.0.0.1:25')
  if ('host' in smarthost) return { to, from, smarthost, tls }
  values.fault('smarthost must be HOST:PORT')
  return undefined
}

function webhook(values: Alarms): string | undefined {
  const url = values.optionalText('webhook')
  if (url !== undefined && !(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
    values.fault('webhook is not an address of http or https')
  return url
}
