/**
 * Traffic of a provider's 30 months, made by the database itself: messages between own users, out to other providers and in from
 * them, a third each, one in eight with three recipients; each with the rows that the points would have written.
 */

/** What the two databases say differently. */
export interface Words {
  /** A time in milliseconds as the 14 digits of an identifier. */
  readonly stamp: (time: string) => string
  /** So many bytes. */
  readonly bytes: (count: number) => string
}

export const SQLITE_WORDS: Words = {
  stamp: (time) => `strftime('%Y%m%d%H%M%S', ${time} / 1000, 'unixepoch')`,
  bytes: (count) => `randomblob(${count})`,
}

export const MARIADB_WORDS: Words = {
  stamp: (time) => `date_format(from_unixtime(${time} div 1000), '%Y%m%d%H%i%S')`,
  bytes: (count) => `repeat('x', ${count})`,
}

/** A stretch of the traffic. */
export interface Stretch {
  /** Messages by number; the last is excluded. */
  readonly first: number
  readonly last: number
  /** Where the numbers of steps begin: STEPS for each message follow. */
  readonly firstStep: number
  /** Milliseconds from one message to the next. */
  readonly interval: number
  /** Bytes of daticert.xml, and of smime.p7s. */
  readonly evidence: number
}

export const STEPS = 8
export const BEGINNING = Date.UTC(2024, 5, 1)
export const OWN_PROVIDER = 'Provider A'
const USERS = 20_000
const PROVIDERS = 50

export function userAt(number: number, domain: string): string {
  return `user${number % USERS}@${domain}`
}

export const OWN_DOMAIN = 'pec-a.example'

export function foreignProvider(number: number): string {
  return `Provider ${number % PROVIDERS}`
}

type Direction = 'local' | 'out' | 'in'

interface Row {
  readonly direction: Direction
  readonly step: number
  readonly place: number
  readonly type: string
  /** Ours, or the other provider's. */
  readonly provider: 'own' | 'other'
  /** Signed by us, or received with a signature. */
  readonly signed: boolean
  /** One row for each recipient, instead of one for all. */
  readonly each: boolean
  readonly outcome: string
}

const row = (
  direction: Direction,
  [step, place]: readonly [number, number],
  type: string,
  outcome: string,
  parts: Partial<Pick<Row, 'provider' | 'signed' | 'each'>> = {},
): Row => ({ direction, step, place, type, outcome, provider: 'own', signed: true, each: false, ...parts })

/** What the register says of a message; deliveries are steps of their own. */
const ROWS: readonly Row[] = [
  row('local', [1, 0], 'acceptance', 'issued'),
  row('local', [1, 1], 'transport', 'issued'),
  row('local', [1, 2], 'reception', 'valid', { signed: false }),
  row('local', [1, 3], 'take-charge', 'issued'),
  row('local', [4, 0], 'mailbox-delivery', 'stored', { signed: false, each: true }),
  row('local', [4, 1], 'delivery', 'complete', { each: true }),
  row('out', [1, 0], 'acceptance', 'issued'),
  row('out', [1, 1], 'transport', 'issued'),
  row('out', [2, 0], 'relay', '250 2.0.0 accepted', { signed: false }),
  row('out', [3, 0], 'receipt-reception', 'take-charge', { provider: 'other' }),
  row('out', [4, 0], 'receipt-reception', 'delivery', { provider: 'other', each: true }),
  row('in', [1, 0], 'reception', 'valid', { provider: 'other' }),
  row('in', [1, 1], 'take-charge', 'issued'),
  row('in', [4, 0], 'mailbox-delivery', 'stored', { signed: false, each: true }),
  row('in', [4, 1], 'delivery', 'complete', { each: true }),
]

/** Over 24 messages: one in eight has two recipients more, so as many more of the rows that there are for each. */
export const EVENTS_PER_MESSAGE = ROWS.reduce((sum, { each }) => sum + (each ? 1.25 : 1), 0) / 3

const DIRECTIONS: readonly Direction[] = ['local', 'out', 'in']
const FINAL_STEP = 4

/** One statement for each table, in an order that foreign keys allow. */
export function statementsFor(stretch: Stretch, words: Words): readonly string[] {
  const { first, last, firstStep, interval, evidence } = stretch
  const at = `${BEGINNING} + n * ${interval}`
  const number = (text: string): string => `(${text}) + 1000000000`
  const identifier = `concat('pec', ${words.stamp(`(${at})`)}, ${number('n * 48271 % 999999937')}, ${number('n * 69621 % 999999929')}, ${number('n')},
    case direction when 2 then concat('@pec-', n % ${PROVIDERS}, '.example') else '@${OWN_DOMAIN}' end)`
  const other = `concat('pec-', n % ${PROVIDERS}, '.example')`
  const sender = `concat('user', (n * 31 + n * n % 7919) % ${USERS}, '@', case direction when 2 then ${other} else '${OWN_DOMAIN}' end)`
  const recipient = (k: string): string =>
    `concat('user', (n * 17 + 5 + ${k} * 101) % ${USERS}, '@', case direction when 1 then ${other} else '${OWN_DOMAIN}' end)`
  const provider = `case direction when 2 then concat('Provider ', n % ${PROVIDERS}) else '${OWN_PROVIDER}' end`
  const series = `series(n) as (select ${first} union all select n + 1 from series where n < ${last - 1})`
  const messages = `messages as (select n, n % 3 as direction, ${firstStep} + (n - ${first}) * ${STEPS} as base, ${at} as at from series)`
  const recipients = `recipients as (select m.*, k from messages m join (select 0 as k union all select 1 union all select 2) copies
    on k = 0 or n % 8 = 0)`
  const rows = `kinds as (${ROWS.map(kindOf).join(' union all ')})`
  const events = `events as (select r.*, kinds.*, base + step + k * each_one as number, (base + step + k * each_one) * 65536 + place as id,
    r.at + step * 700 as event_at from recipients r join kinds on kinds.way = r.direction)`
  const all = `concat('["', ${recipient('0')}, '"', case when n % 8 = 0 then concat(',"', ${recipient('1')}, '","', ${recipient('2')}, '"') else '' end, ']')`
  const insert = (table: string, columns: string, ctes: readonly string[], select: string): string =>
    `insert into ${table} (${columns}) with recursive ${ctes.join(', ')} select ${select}`
  const whole = '(each_one = 1 or k = 0)'
  return [
    insert(
      'message',
      'identifier, client_message_id, sender, reply_to, subject, receipt_type, provider, own, accepted_at, size',
      [series, messages],
      `${identifier}, concat('<', n, '.', n * 7919 % 1000003, '@client.example>'), ${sender}, ${sender}, concat('Pratica n. ', n),
       'complete', ${provider}, case direction when 2 then 0 else 1 end, at, 20480 from messages`,
    ),
    insert(
      'recipient',
      'identifier, recipient, address, position, type, is_primary, open_since, taken_at, outcome, outcome_at',
      [series, messages, recipients],
      `${identifier}, ${recipient('k')}, ${recipient('k')}, (base + 1) * 65536 + k, 'certified', case k when 0 then 1 else 0 end, null,
       at, 'delivered', at + ${FINAL_STEP * 700} from recipients`,
    ),
    insert(
      'step',
      'id, step, committed_at',
      [series, messages, recipients, rows, events],
      `distinct number, concat('step-', number), event_at from events where ${whole}`,
    ),
    insert(
      'claim',
      'identifier, what, recipient',
      [series, messages, recipients],
      `${identifier}, case direction when 2 then 'take-charge' else 'acceptance' end, '' from messages
       union all select ${identifier}, 'outcome', ${recipient('k')} from recipients
       union all select ${identifier}, 'take-charge', ${recipient('k')} from recipients where direction <> 1`,
    ),
    insert(
      'event',
      'id, at, type, identifier, message_id, sender, sender_address, recipients, subject, provider, outcome',
      [series, messages, recipients, rows, events],
      `id, event_at, type, ${identifier}, case signed when 1 then concat('ric', id, '@${OWN_DOMAIN}') else '' end, ${sender}, ${sender},
       case each_one when 1 then concat('["', ${recipient('k')}, '"]') else ${all} end, concat('Pratica n. ', n),
       case theirs when 1 then concat('Provider ', n % ${PROVIDERS}) else '${OWN_PROVIDER}' end, outcome from events where ${whole}`,
    ),
    insert(
      'event_recipient',
      'recipient, at, event_id',
      [series, messages, recipients, rows, events],
      `${recipient('k')}, event_at, id from events`,
    ),
    insert(
      'evidence',
      'event_id, daticert, signature',
      [series, messages, recipients, rows, events],
      `id, ${words.bytes(evidence)}, ${words.bytes(evidence)} from events where signed = 1 and ${whole}`,
    ),
  ]
}

function kindOf({ direction, step, place, type, provider, signed, each, outcome }: Row): string {
  return `select ${DIRECTIONS.indexOf(direction)} as way, ${step} as step, ${place} as place, '${type}' as type,
    ${provider === 'other' ? 1 : 0} as theirs, ${signed ? 1 : 0} as signed, ${each ? 1 : 0} as each_one, '${outcome}' as outcome`
}
