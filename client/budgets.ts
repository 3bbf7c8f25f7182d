import * as answers from './answers.ts';
import { Area, type PageQuery, type RequestOptions, segment } from './requests.ts';

/** `client.budgets` */
export class Budgets extends Area {
  /** Sets the budget of a type of agents (`agent-type:<type>`), of the tenant (`tenant:main`) or of each UTC day (`day:main`). */
  set(budgetId: string, body: answers.BudgetRequest) {
    return this.requests.put(`/budgets/${segment(budgetId)}`, body, answers.budgetAnswer);
  }

  /** Raises limits of a budget. */
  raise(budgetId: string, body: answers.BudgetRaise, options?: RequestOptions) {
    return this.requests.post(`/budgets/${segment(budgetId)}/raises`, body, answers.budgetAnswer, options);
  }

  /** A budget, with what is spent of it. */
  get(budgetId: string) {
    return this.requests.get(`/budgets/${segment(budgetId)}`, answers.budget);
  }

  /** A page of budgets, of one scope or of all. */
  list(query: PageQuery & { readonly scope?: answers.Budget['scope'] | undefined } = {}) {
    return this.requests.get('/budgets', answers.budgetsPage, query);
  }
}
