import { Body, Controller, Get, Inject, NotFoundException, Param, Patch, Put, Query, Res } from '@nestjs/common';
import type { Receipt } from 'tidemark';
import { TideScope } from 'tidemark/nest';
import { circleOf, editOf, stateVariableOf, structureOf } from '../../campaign/bodies.ts';
import {
  invalidateStructureCascade,
  publishSettlementUpdated,
  publishStateVariableUpdated,
} from '../../campaign/changes.ts';
import type { World } from '../../campaign/model.ts';
import { campaignOf, settlementOf } from '../../campaign/tree.ts';
import { Backends } from './backends.ts';

/** Of Express and of Fastify. */
interface Response {
  header(name: string, value: string): unknown;
}

@Controller()
export class Settlements {
  constructor(@Inject(Backends) private readonly backends: Backends) {}

  @Get('campaigns/:id')
  async campaign(@TideScope() world: World, @Param('id') id: string) {
    return found(await campaignOf(world, id));
  }

  @Get('settlements/:id')
  async one(@TideScope() world: World, @Param('id') id: string) {
    return found(await settlementOf(world, id));
  }

  /** `?x=10&y=10&radius=5`: nearest first. */
  @Get('near')
  near(@TideScope() world: World, @Query() query: Readonly<Record<string, unknown>>) {
    return world.spatial.near('settlement', circleOf(query));
  }

  @Patch('settlements/:id')
  async edit(
    @TideScope() world: World,
    @Param('id') id: string,
    @Body() body: object | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    const written = found(await this.backends.rows.editSettlement(id, editOf(body ?? {})));
    told(response, await publishSettlementUpdated(world, written, world.principal?.name));
    return written.after;
  }

  @Put('settlements/:of/structures/:id')
  async build(
    @TideScope() world: World,
    @Param() { of, id }: { readonly of: string; readonly id: string },
    @Body() body: object | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    found(await world.get('settlement', of));
    const written = await this.backends.rows.putStructure(structureOf(id, of, body ?? {}));
    told(response, await invalidateStructureCascade(world, written, world.principal?.name));
    return written.after;
  }

  @Put('variables/:id')
  async assign(
    @TideScope() world: World,
    @Param('id') id: string,
    @Body() body: object | undefined,
    @Res({ passthrough: true }) response: Response,
  ) {
    const written = await this.backends.rows.putStateVariable(stateVariableOf(id, body ?? {}));
    told(response, await publishStateVariableUpdated(world, written, world.principal?.name));
    return written.after;
  }
}

function found<T>(row: T | null): T {
  if (row === null) throw new NotFoundException();
  return row;
}

/** Sent with the next request, it makes that read nothing older. */
function told(response: Response, receipt: Receipt): void {
  response.header('x-after', receipt.toString());
}
