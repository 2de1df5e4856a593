/** The page of the administrators of domains. What it shows once, a temporary password, is nowhere else. */
import type { Account } from '../directory/accounts.js'
import type { MailboxState } from '../points/ports.js'
import { ACTS, type Act, type ActOutcome, type Administration } from './administration.js'
import { COMMON_NOTES, escaped, page, passwordField, textField, type FormPage, type Page } from './page.js'

/** Characters of a name or an address. */
const MAX_NAME = 400

type Note = ActOutcome['kind'] | keyof typeof COMMON_NOTES

/** Status of the answer, and what it says. */
const NOTES: Readonly<Record<Note, readonly [status: number, text: string]>> = {
  ...COMMON_NOTES,
  done: [200, 'Fatto.'],
  list: [200, ''],
  password: [200, 'Fatto. Comunicare questa password temporanea: non sarà mostrata di nuovo.'],
  wrong: [403, 'Il nome o la password non sono giusti, o la password è scaduta.'],
  suspended: [403, 'Questo amministratore è sospeso: rivolgersi al gestore.'],
  temporary: [403, 'La password è temporanea: prima va cambiata, nella pagina del cambio della password.'],
  'bad-day': [400, 'La data di rinnovo va scritta AAAA-MM-GG.'],
  refused: [
    409,
    'Non è possibile: la casella deve essere del proprio dominio ed esistere, o per aggiungerla non esistere ancora, e non essere chiusa o bloccata dal gestore.',
  ],
}

const LABELS: Readonly<Record<Act, string>> = {
  list: 'Elenca le caselle del dominio',
  add: 'Aggiungi una casella, con una password temporanea',
  password: 'Dai a una casella una password temporanea',
  suspend: 'Sospendi una casella (riceve, ma non invia)',
  resume: 'Riattiva una casella sospesa',
  close: 'Chiudi una casella, per sempre',
  renewal: 'Cambia la data di rinnovo (vuota: nessuna)',
}

const STATES: Readonly<Record<MailboxState, string>> = {
  active: 'attiva',
  suspended: 'sospesa',
  frozen: 'bloccata dal gestore',
  closed: 'chiusa',
}

/** `path` is where it is. */
export function administrationPage(provider: string, path: string, administration: Pick<Administration, 'perform'>): FormPage {
  const show = (note?: Note, given: Given = {}, more: readonly string[] = []): Page => {
    const [status, text] = note === undefined ? ([200, ''] as const) : NOTES[note]
    const body = [...more, ...formOf(path, given)]
    return page({ status, provider, title: 'Amministrazione delle caselle di un dominio', note: text, body })
  }
  return {
    show: (note) => show(note),
    async submit(field, ip) {
      const act = ACTS.find((each) => each === field('act'))
      const [login, address] = [field('login'), field('address')]
      if (act === undefined || login === '' || login.length > MAX_NAME || address.length > MAX_NAME) return show('unreadable')
      const outcome = await administration.perform({ login, password: field('password'), act, address, day: field('day') }, ip)
      return show(outcome.kind, { login, act, address }, shown(outcome, address))
    },
  }
}

interface Given {
  readonly login?: string
  readonly act?: Act
  readonly address?: string
}

function formOf(path: string, { login = '', act, address = '' }: Given): string[] {
  const options = ACTS.map(
    (each) => `<option value="${each}"${each === act ? ' selected' : ''}>${escaped(LABELS[each])}</option>`,
  )
  return [
    `<form method="post" action="${path}" accept-charset="utf-8">`,
    textField('login', "Nome dell'amministratore (nome@dominio)", login, 'autocomplete="username" required'),
    passwordField('password', 'Password, per ogni operazione', 'current-password'),
    '<p><label>Operazione<br><select name="act">',
    ...options,
    '</select></label></p>',
    textField('address', 'Indirizzo della casella', address, 'autocomplete="off"'),
    textField('day', 'Data di rinnovo (AAAA-MM-GG)', '', 'autocomplete="off"'),
    '<p><button>Esegui</button></p>',
    '</form>',
    '<p><a href="/">Cambio della password</a></p>',
  ]
}

function shown(outcome: ActOutcome, address: string): string[] {
  if (outcome.kind === 'list') return listOf(outcome.accounts)
  if (outcome.kind !== 'password') return []
  const { password, until } = outcome
  const end = `${until.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  return [`<p>${escaped(address.trim().toLowerCase())}: <code>${escaped(password)}</code>, fino al ${end}</p>`]
}

function listOf(accounts: readonly Account[]): string[] {
  const rows = accounts.map(({ address, state, renewal }) => {
    const cells = [address, STATES[state], renewal ?? '']
    return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`
  })
  return ['<table><tr><th>Casella</th><th>Stato</th><th>Rinnovo</th></tr>', ...rows, '</table>']
}
