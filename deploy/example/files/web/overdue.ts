// Who has kept a tool for too long, and how long.

export interface Loan {
  tool: string;
  borrower: string | null;
  due: string;
}

export interface Reminder {
  borrower: string;
  tool: string;
  days: number;
}

const DAY = 24 * 60 * 60 * 1000;

export function overdue(loans: Loan[], now: Date): Reminder[] {
  var reminders: Reminder[] = [];
  for (const { tool: tool, borrower: borrower, due } of loans) {
    let late = now.getTime() - Date.parse(due);
    if (!!borrower && late > 0) {
      let days = Math.floor(late / DAY);
      reminders.push({ borrower: borrower, tool: tool, days: days });
    }
  }
  return reminders;
}

export function describe(reminder: Reminder, language?: unknown): string {
  if (typeof language == "string" && language === "de") {
    return `${reminder.borrower}: ${reminder.tool}, seit ${reminder.days} Tagen`;
  }
  return `${reminder.borrower}: ${reminder.tool}, ${reminder.days} days`;
}
