/** The kinds of event of the register, in the words of people: English for operators, Italian for whoever asked. */
import type { EventType } from '../points/ports.js'

export interface EventWords {
  readonly english: string
  readonly italian: string
}

export const EVENT_WORDS: Readonly<Record<EventType, EventWords>> = {
  acceptance: { english: 'acceptance receipt issued', italian: 'emessa la ricevuta di accettazione' },
  'non-acceptance': { english: 'notice of non-acceptance issued', italian: "emesso l'avviso di non accettazione" },
  transport: { english: 'transport envelope issued', italian: 'formata la busta di trasporto' },
  'take-charge': { english: 'take-charge receipt issued', italian: 'emessa la ricevuta di presa in carico' },
  delivery: { english: 'delivery receipt issued', italian: 'emessa la ricevuta di avvenuta consegna' },
  'non-delivery': { english: 'notice of non-delivery issued', italian: "emesso l'avviso di mancata consegna" },
  'time-limit': {
    english: 'notice of a missed time limit issued',
    italian: "emesso l'avviso di mancata consegna per superamento dei tempi massimi",
  },
  'virus-detection': { english: 'notice of virus detection issued', italian: "emesso l'avviso di rilevazione di virus" },
  anomaly: { english: 'anomaly envelope issued', italian: 'formata la busta di anomalia' },
  reception: { english: 'transport envelope received', italian: 'ricevuta la busta di trasporto' },
  'receipt-reception': { english: 'receipt or notice received', italian: 'ricevuta una ricevuta o un avviso' },
  'mailbox-delivery': { english: 'put into a mailbox', italian: 'depositato nella casella' },
  'delivery-failure': { english: 'delivery refused for good', italian: 'consegna rifiutata in via definitiva' },
  relay: { english: 'passed on to another host', italian: 'trasmesso a un altro sistema' },
  forward: { english: 'ordinary mail sent on', italian: 'posta ordinaria inoltrata' },
  copy: { english: 'copied to the archive of a mailbox', italian: "copiato nell'archivio della casella" },
  'arrival-notice': { english: 'notice of arrival sent', italian: "inviato l'avviso di arrivo" },
  'option-failure': { english: 'copy or notice of arrival given up', italian: 'copia o avviso di arrivo non riusciti' },
  purge: { english: 'purged after its time', italian: 'eliminato al termine del periodo di conservazione' },
  hold: {
    english: 'kept beyond its time, or let go',
    italian: 'disposta o revocata la conservazione oltre i termini',
  },
  retrieval: { english: 'extract of the register made', italian: 'prodotto un estratto del registro' },
  refusal: { english: 'refused', italian: 'rifiutato' },
  provisioning: { english: 'domain, mailbox or password changed', italian: 'modificati domini, caselle o password' },
  interoperability: {
    english: 'test message to another provider checked',
    italian: "verificata l'interoperabilità con un altro gestore",
  },
  index: { english: 'index of providers changed', italian: "aggiornato l'indice dei gestori" },
}

export const EVENT_TYPES = Object.keys(EVENT_WORDS) as readonly EventType[]

export function eventTypeOf(word: string): EventType | undefined {
  return EVENT_TYPES.find((type) => type === word)
}
