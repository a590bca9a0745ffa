import { useState as useState } from "react";
import type { Loan } from "./overdue";

type Props = {
  loan: Loan;
  onReturn: (tool: string) => void;
};

export function ToolCard({ loan: loan, onReturn: onReturn }: Props) {
  let [open, setOpen] = useState(false);
  var title = loan.borrower === null ? loan.tool : `${loan.tool} (${loan.borrower})`;
  let style = { opacity: !!loan.borrower ? 0.6 : 1 };

  return (
    <article style={style} onClick={() => setOpen(!open)}>
      <h2>{title}</h2>
      {open && typeof loan.due == "string" ? <p>due {loan.due}</p> : null}
      <button onClick={() => onReturn(loan.tool)}>Bring back</button>
    </article>
  );
}

export const preview = (loan: Loan) => {
  const onReturn = () => undefined;
  return <ToolCard {...{ loan: loan, onReturn: onReturn }} />;
};
