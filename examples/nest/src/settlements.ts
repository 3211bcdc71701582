import { Body, Controller, Get, Inject, NotFoundException, Param, Patch, Put, Query, Res } from '@nestjs/common';
import { TideScope } from 'tidemark/nest';
import { Backends } from './backends.js';
import { invalidateStructureCascade, publishSettlementUpdated } from './campaign/changes.js';
import type { Settlement, Structure, World } from './campaign/model.js';

/** Of Express and of Fastify. */
interface Response {
  header(name: string, value: string): unknown;
}

@Controller()
export class Settlements {
  constructor(@Inject(Backends) private readonly backends: Backends) {}

  /** The whole tree: five statements where it is cold, however much hangs on it, and none where it is warm. */
  @Get('campaigns/:id')
  async campaign(@TideScope() world: World, @Param('id') id: string) {
    const campaign = await world.get('campaign', id);
    if (campaign === null) throw new NotFoundException();
    const kingdoms = await world.children('kingdom', { campaign: id });
    return {
      ...campaign,
      kingdoms: await Promise.all(
        kingdoms.map(async (kingdom) => {
          const settlements = await world.children('settlement', { kingdom: kingdom.id });
          return { ...kingdom, settlements: await Promise.all(settlements.map(({ id: of }) => this.one(world, of))) };
        }),
      ),
    };
  }

  @Get('settlements/:id')
  async one(@TideScope() world: World, @Param('id') id: string) {
    const [settlement, structures, computed] = await Promise.all([
      world.get('settlement', id),
      world.children('structure', { settlement: id }),
      world.computed('settlement', id),
    ]);
    if (settlement === null) throw new NotFoundException();
    return { ...settlement, ...computed, structures };
  }

  @Patch('settlements/:id')
  async edit(
    @TideScope() world: World,
    @Param('id') id: string,
    @Body() { name, level, x, y }: Partial<Settlement>,
    @Res({ passthrough: true }) response: Response,
  ) {
    const given = Object.entries({ name, level, x, y }).filter(([, value]) => value !== undefined);
    const written = await this.backends.rows.editSettlement(id, Object.fromEntries(given));
    if (written === null) throw new NotFoundException();
    const receipt = await publishSettlementUpdated(world, written, world.principal?.name);
    response.header('x-after', receipt.toString());
    return written.after;
  }

  @Put('settlements/:of/structures/:id')
  async build(
    @TideScope() world: World,
    @Param('of') settlementId: string,
    @Param('id') id: string,
    @Body() { kind, level = 1 }: Pick<Structure, 'kind'> & Partial<Structure>,
    @Res({ passthrough: true }) response: Response,
  ) {
    if ((await world.get('settlement', settlementId)) === null) throw new NotFoundException();
    const written = await this.backends.rows.addStructure({ id, settlementId, kind, level });
    const receipt = await invalidateStructureCascade(world, written, world.principal?.name);
    response.header('x-after', receipt.toString());
    return written.after;
  }

  /** `?x=10&y=10&radius=5`: nearest first. */
  @Get('near')
  near(@TideScope() world: World, @Query() { x, y, radius }: Readonly<Record<string, string>>) {
    return world.spatial.near('settlement', { point: { x: Number(x), y: Number(y) }, radius: Number(radius) });
  }
}
